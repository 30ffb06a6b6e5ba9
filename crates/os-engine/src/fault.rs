//! Fault points: places at which a test makes the engine fail or die.
//!
//! The crash matrix crashes each command at every point (`Point::forward` and `Point::reverting`
//! list them), and checks the host after a restart. The points are in the engine and not in the steps,
//! so a new command is covered without code of its own.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use os_types::{Code, Failure};

/// A place in the run of an operation.
///
/// *Shape*: `begin:before`, `begin:after`, `2:before`, `2:after`, `revert-2:before`,
/// `revert-2:after`, `end:before`, `end:after`. Steps count from 1, as people are shown them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Point {
    /// What happens there.
    pub moment: Moment,
    /// On which side of it.
    pub side: Side,
}

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// The begin of the journal is made durable.
    Begin,
    /// A step is applied; before: its intent is not yet written, after: its outcome is not.
    Step(usize),
    /// The inverse of a step is applied; after: this is not yet written.
    Revert(usize),
    /// The operation is closed; before: all steps are recorded, after: the history has it, but its
    /// journal is still there.
    End,
}

/// The side of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Just before it.
    Before,
    /// Just after it.
    After,
}

/// What happens to the engine at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// The program dies as by `kill -9`.
    Kill,
    /// The moment fails; not possible at the end, which nothing can take back.
    Fail,
    /// The thread of the operation does not come back.
    Hang,
}

/// A list of faults as text, e.g. `user-new:2:before:kill,*:end:after:kill`.
///
/// *Shape*: `COMMAND:POINT:ACTION`, joined by commas. The command is a name or `*`; a point without
/// a side means after. A step may be named by its kind instead of its number (`user-new:file:kill`):
/// then each step of that kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultPlan {
    faults: Vec<Fault>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    command: String,
    place: Place,
    side: Side,
    action: Action,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Moment(Moment),
    Kind(String),
}

/// A fault plan that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("fault {fault:?} is not COMMAND:POINT:ACTION: {reason}")]
pub struct FaultError {
    /// The faulty part.
    fault: String,
    /// What is wrong with it.
    reason: &'static str,
}

#[cfg(test)]
impl Point {
    /// The points of an operation with `steps` steps that goes well.
    pub fn forward(steps: usize) -> Vec<Self> {
        let moments = (1..=steps).map(Moment::Step);
        both_sides(
            [Moment::Begin]
                .into_iter()
                .chain(moments)
                .chain([Moment::End]),
        )
    }

    /// The points during rollback after step `failed` failed having had its effect
    /// (`<failed>:after:fail`).
    pub fn reverting(failed: usize) -> Vec<Self> {
        let moments = (1..=failed).rev().map(Moment::Revert);
        both_sides(moments.chain([Moment::End]))
    }
}

#[cfg(test)]
fn both_sides(moments: impl Iterator<Item = Moment>) -> Vec<Point> {
    let sides = |moment| [Side::Before, Side::After].map(|side| Point { moment, side });
    moments.flat_map(sides).collect()
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.moment {
            Moment::Begin => f.write_str("begin")?,
            Moment::Step(number) => write!(f, "{number}")?,
            Moment::Revert(number) => write!(f, "revert-{number}")?,
            Moment::End => f.write_str("end")?,
        }
        f.write_str(match self.side {
            Side::Before => ":before",
            Side::After => ":after",
        })
    }
}

impl FromStr for FaultPlan {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let parts = text.split(',').filter(|part| !part.is_empty());
        let faults = parts.map(|part| {
            parse(part).map_err(|reason| FaultError {
                fault: part.to_owned(),
                reason,
            })
        });
        Ok(Self {
            faults: faults.collect::<Result<_, _>>()?,
        })
    }
}

fn parse(text: &str) -> Result<Fault, &'static str> {
    let parts: Vec<&str> = text.split(':').collect();
    let (command, place, side, action) = match parts[..] {
        [command, place, "before", action] => (command, place, Side::Before, action),
        [command, place, action] | [command, place, "after", action] => {
            (command, place, Side::After, action)
        }
        _ => return Err("it has another number of parts, or a side besides before and after"),
    };
    let action = match action {
        "kill" => Action::Kill,
        "fail" => Action::Fail,
        "hang" => Action::Hang,
        _ => return Err("actions are kill, fail and hang"),
    };
    let revert = |place: &str| place.strip_prefix("revert-").and_then(|n| n.parse().ok());
    let place = match place {
        "begin" => Place::Moment(Moment::Begin),
        "end" if action == Action::Fail => return Err("the end cannot fail"),
        "end" => Place::Moment(Moment::End),
        place => match (place.parse(), revert(place)) {
            (Ok(number), _) => Place::Moment(Moment::Step(number)),
            (_, Some(number)) => Place::Moment(Moment::Revert(number)),
            (Err(_), None) => Place::Kind(place.to_owned()),
        },
    };
    Ok(Fault {
        command: command.to_owned(),
        place,
        side,
        action,
    })
}

/// What a kill and a hang are; given by the wiring, as the engine touches no process.
pub type FaultAction = Arc<dyn Fn(Action) + Send + Sync>;

/// A fault plan with the means to carry it out.
#[derive(Clone)]
pub struct Faults {
    plan: FaultPlan,
    action: FaultAction,
}

impl Faults {
    /// Faults of `plan`; `action` is called for those that are not plain failures.
    pub fn new(plan: FaultPlan, action: FaultAction) -> Self {
        Self { plan, action }
    }

    /// No faults: what runs outside of tests.
    pub fn none() -> Self {
        Self::new(FaultPlan::default(), Arc::new(drop))
    }

    /// Passes a point; `kind` is that of the step there.
    pub(crate) fn pass(
        &self,
        command: &str,
        point: Point,
        kind: Option<&str>,
    ) -> Result<(), Failure> {
        for fault in &self.plan.faults {
            if !fault.is_at(command, point, kind) {
                continue;
            }
            if fault.action == Action::Fail {
                let text = format!("injected failure at {command}:{point}");
                return Err(Failure::new(Code::Step, text));
            }
            (self.action)(fault.action);
        }
        Ok(())
    }
}

impl Fault {
    fn is_at(&self, command: &str, point: Point, kind: Option<&str>) -> bool {
        let here = match &self.place {
            Place::Moment(moment) => *moment == point.moment,
            Place::Kind(name) => {
                matches!(point.moment, Moment::Step(_)) && kind == Some(name.as_str())
            }
        };
        here && self.side == point.side && (self.command == "*" || self.command == command)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_every_point_of_a_plan() {
        let text = |points: Vec<Point>| points.iter().map(Point::to_string).collect::<Vec<_>>();
        let forward = text(Point::forward(1));
        let expected = [
            "begin:before",
            "begin:after",
            "1:before",
            "1:after",
            "end:before",
            "end:after",
        ];
        assert_eq!(forward, expected);
        let back = text(Point::reverting(2));
        assert_eq!(back.first().unwrap(), "revert-2:before");
        assert_eq!(back.len(), 6);
    }

    #[test]
    fn every_listed_point_parses_to_itself() {
        for point in [Point::forward(3), Point::reverting(3)].concat() {
            let plan: FaultPlan = format!("user-new:{point}:kill").parse().unwrap();
            let fault = plan.faults.first().unwrap();
            assert!(fault.is_at("user-new", point, None), "{point}");
            assert!(!fault.is_at("user-del", point, None), "{point}");
        }
    }

    #[test]
    fn fails_only_where_it_says() {
        let plan = "*:file:before:fail,user-new:1:fail".parse().unwrap();
        let faults = Faults::new(plan, Arc::new(drop));
        let before = |number| Point {
            moment: Moment::Step(number),
            side: Side::Before,
        };
        faults.pass("x", before(1), Some("dataset")).unwrap();
        let failure = faults.pass("x", before(2), Some("file")).unwrap_err();
        assert_eq!(failure.message, "injected failure at x:2:before");
    }

    #[test]
    fn says_what_is_wrong_with_a_fault() {
        for (text, reason) in [
            ("user-new", "parts"),
            ("a:1:between:kill", "side"),
            ("a:1:die", "actions are"),
            ("a:end:fail", "cannot fail"),
        ] {
            let error = text.parse::<FaultPlan>().unwrap_err().to_string();
            assert!(error.contains(text) && error.contains(reason), "{error}");
        }
    }
}
