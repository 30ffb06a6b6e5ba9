//! Samples of one thing.

use std::time::{Duration, Instant};

/// Times, in the order in which they were taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series(Vec<Duration>);

impl Series {
    /// Does `work` `runs` times; each time is a sample.
    pub(crate) fn of(
        runs: u32,
        mut work: impl FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let mut series = Self::default();
        for _ in 0..runs {
            series.time(&mut work)?;
        }
        Ok(series)
    }

    /// Adds the time that `work` takes.
    pub(crate) fn time<T>(
        &mut self,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let begin = Instant::now();
        let result = work()?;
        self.push(begin.elapsed());
        Ok(result)
    }

    /// Adds a sample.
    pub(crate) fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// How many samples there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The sample that `percent` of all do not exceed (nearest rank); zero without samples.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let mut series = Series::default();
        assert_eq!(series.percentile(50), Duration::ZERO);
        for ms in (1..=20).rev() {
            series.push(Duration::from_millis(ms));
        }
        assert_eq!(series.percentile(50), Duration::from_millis(10));
        assert_eq!(series.percentile(95), Duration::from_millis(19));
        assert_eq!(series.percentile(100), Duration::from_millis(20));
        assert_eq!(series.count(), 20);
    }

    #[test]
    fn each_run_is_a_sample() {
        let series = Series::of(3, || Ok(())).unwrap();
        assert_eq!(series.count(), 3);
        Series::of(3, || anyhow::bail!("no")).unwrap_err();
    }
}
