//! What is done to a machine before its state is saved.

use crate::Deadline;

/// How a machine gets into a state that is worth saving: a boot, or the state of another recipe, and then
/// commands.
///
/// It is data and not a function, so that its text is part of what a saved state is recognized by: a recipe
/// that was changed does not find the states of the old one.
#[derive(Debug, Clone)]
pub struct Recipe {
    name: &'static str,
    begin: Begin,
    disks: usize,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Begin {
    Boot(Deadline),
    Recipe(Box<Recipe>),
}

/// One command of a recipe.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) deadline: Deadline,
    /// Whether the command is repeated until it succeeds.
    pub(crate) is_repeated: bool,
}

impl Recipe {
    /// A recipe that begins with a boot. The name is part of paths: letters, digits, `-`.
    pub fn of_boot(name: &'static str, deadline: impl Into<Deadline>) -> Self {
        Self::of(name, Begin::Boot(deadline.into()), 0)
    }

    /// A recipe that begins where another one ends.
    pub fn of_recipe(name: &'static str, base: Self) -> Self {
        let disks = base.disks;
        Self::of(name, Begin::Recipe(Box::new(base)), disks)
    }

    fn of(name: &'static str, begin: Begin, disks: usize) -> Self {
        Self {
            name,
            begin,
            disks,
            steps: Vec::new(),
        }
    }

    /// Number of disks in slots (see [`crate::Builder::slots`]) that the recipe writes to. Their contents
    /// are saved with the state and copied into the disks of each machine that resumes from it.
    #[must_use]
    pub fn disks(mut self, count: usize) -> Self {
        self.disks = count;
        self
    }

    /// Adds a command that has to succeed in time.
    #[must_use]
    pub fn run(self, command: impl Into<String>, deadline: impl Into<Deadline>) -> Self {
        self.step(command.into(), deadline.into(), false)
    }

    /// Adds a command that is repeated until it succeeds.
    #[must_use]
    pub fn wait_until(self, command: impl Into<String>, deadline: impl Into<Deadline>) -> Self {
        self.step(command.into(), deadline.into(), true)
    }

    fn step(mut self, command: String, deadline: Deadline, is_repeated: bool) -> Self {
        self.steps.push(Step {
            command,
            deadline,
            is_repeated,
        });
        self
    }

    /// The name of its states.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Number of disks in slots that are part of the state.
    pub(crate) fn saved_disks(&self) -> usize {
        self.disks
    }

    /// The recipe it begins with; `None` if it begins with a boot.
    pub(crate) fn base(&self) -> Option<&Self> {
        match &self.begin {
            Begin::Boot(_) => None,
            Begin::Recipe(base) => Some(base),
        }
    }

    /// Its own commands, without those of the recipe it begins with.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How long its boot may take.
    pub(crate) fn boot(&self) -> Deadline {
        match &self.begin {
            Begin::Boot(deadline) => *deadline,
            Begin::Recipe(base) => base.boot(),
        }
    }

    /// All that decides what a machine is like in the end, in lines. Deadlines do not.
    pub(crate) fn text(&self) -> String {
        let before = self.base().map(Self::text).unwrap_or_default();
        let steps = self.steps.iter().map(|step| {
            let verb = if step.is_repeated { "wait" } else { "run" };
            format!("{verb} {:?}\n", step.command)
        });
        let steps: String = steps.collect();
        format!("{before}recipe {} disks {}\n{steps}", self.name, self.disks)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn text_tells_all_but_deadlines() {
        let base = || Recipe::of_boot("base", SECOND).wait_until("a", SECOND);
        let recipe = |deadline| {
            Recipe::of_recipe("more", base())
                .disks(1)
                .run("b\nc", deadline)
        };
        let text = "recipe base disks 0\nwait \"a\"\nrecipe more disks 1\nrun \"b\\nc\"\n";
        assert_eq!(recipe(SECOND).text(), text);
        assert_eq!(recipe(SECOND * 2).text(), text);
        assert_ne!(base().text(), base().run("d", SECOND).text());
    }
}
