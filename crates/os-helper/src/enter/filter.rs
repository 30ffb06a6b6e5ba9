//! The container's seccomp policy, for commands that come in from outside: LXC installs it for init
//! and what init starts, and nobody but us installs it here.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use os_lxc::seccomp::SeccompArch;
use os_lxc::{SeccompAction, SeccompPolicy, SeccompRule, seccomp};
use os_sys::FilterInstruction;
use seccompiler::{
    BpfProgram, SeccompAction as Action, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule as Rule, TargetArch,
};
use syscalls::Sysno;

/// Programs for the kernel, one an action.
#[derive(Debug)]
pub(super) struct Filter(Vec<BpfProgram>);

/// Rules by the number of the system call.
type Rules = BTreeMap<i64, Vec<Rule>>;

/// The policy in `text` as programs; ours if there is no text.
///
/// *Errors*: a policy that cannot be read or expressed: then nothing is run.
pub(super) fn compile(text: &str) -> Result<Filter, String> {
    let policy = SeccompPolicy::parse(text).map_err(|error| error.to_string())?;
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let mut by_action: BTreeMap<SeccompAction, Rules> = BTreeMap::new();
    for rule in policy.rules.iter().filter(|rule| is_ours(rule)) {
        // A call that this kernel's table does not have cannot be made.
        let Ok(number) = Sysno::from_str(&rule.syscall) else {
            continue;
        };
        let rules = by_action.entry(rule.action).or_default();
        let rules = rules.entry(i64::from(number.id())).or_default();
        if !rule.conditions.is_empty() {
            rules.push(conditions(rule)?);
        }
    }
    let mut programs = Vec::new();
    for (action, rules) in by_action {
        let default = policy.default;
        if action == default {
            continue;
        }
        let filter = SeccompFilter::new(rules, to_action(default), to_action(action), arch);
        let filter = filter.map_err(|error| error.to_string())?;
        programs.push(BpfProgram::try_from(filter).map_err(|error| error.to_string())?);
    }
    if policy.default != SeccompAction::Allow && programs.len() != 1 {
        return Err("an allowlist with several actions cannot be installed".to_owned());
    }
    Ok(Filter(programs))
}

impl Filter {
    /// Installs it for this process and all that it becomes and starts. That these may gain privileges
    /// in the guest, as by sudo, stays as it is: so the function of seccompiler is of no use.
    pub(super) fn install(&self) -> Result<(), String> {
        for program in &self.0 {
            let instructions = program.iter().map(|it| FilterInstruction {
                code: it.code,
                jump_true: it.jt,
                jump_false: it.jf,
                operand: it.k,
            });
            let instructions: Vec<_> = instructions.collect();
            os_sys::install_filter(&instructions).map_err(|error| os_types::chain(&error))?;
        }
        Ok(())
    }
}

fn is_ours(rule: &SeccompRule) -> bool {
    match &rule.arch {
        SeccompArch::All => true,
        SeccompArch::Only(name) => {
            let alias = if name == "arm64" { "aarch64" } else { name };
            alias == std::env::consts::ARCH
        }
    }
}

fn to_action(action: SeccompAction) -> Action {
    match action {
        SeccompAction::Allow => Action::Allow,
        SeccompAction::Errno(errno) => Action::Errno(u32::from(errno)),
        SeccompAction::Kill => Action::KillProcess,
        SeccompAction::Trap => Action::Trap,
    }
}

fn conditions(rule: &SeccompRule) -> Result<Rule, String> {
    use seccomp::SeccompCompare as Compare;
    let conditions = rule.conditions.iter().map(|condition| {
        let operator = match condition.compare {
            Compare::NotEqual => SeccompCmpOp::Ne,
            Compare::Less => SeccompCmpOp::Lt,
            Compare::LessOrEqual => SeccompCmpOp::Le,
            Compare::Equal => SeccompCmpOp::Eq,
            Compare::GreaterOrEqual => SeccompCmpOp::Ge,
            Compare::Greater => SeccompCmpOp::Gt,
            Compare::MaskedEqual(mask) => SeccompCmpOp::MaskedEq(mask),
        };
        let length = SeccompCmpArgLen::Qword;
        SeccompCondition::new(condition.index, length, operator, condition.value)
            .map_err(|error| error.to_string())
    });
    let conditions = conditions.collect::<Result<Vec<_>, _>>()?;
    Rule::new(conditions).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_policy_compiles() {
        let filter = compile(seccomp::DEFAULT_POLICY).unwrap();
        assert!(!filter.0.is_empty());
    }

    #[test]
    fn what_cannot_be_expressed_is_refused() {
        compile("2\nallowlist errno 1\n[all]\nread allow\n").unwrap();
        compile("nonsense").unwrap_err();
    }
}
