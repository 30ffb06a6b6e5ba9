//! The container's seccomp policy, for commands of `ct exec`: LXC installs it only for init
//! and its children.

mod abi;

use std::collections::{BTreeMap, BTreeSet};

use os_lxc::seccomp::SeccompArch;
use os_lxc::{SeccompAction, SeccompPolicy, SeccompRule, seccomp};
use os_sys::FilterInstruction;
use seccompiler::{
    BpfProgram, SeccompAction as Action, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule as Rule, TargetArch,
};

use self::abi::ABIS;

/// Programs for the kernel, one for each interface and action. The strictest answer of all counts.
#[derive(Debug)]
pub(super) struct Filter(Vec<BpfProgram>);

/// Rules by the number of the system call.
type Rules = BTreeMap<i64, Vec<Rule>>;

/// The policy in `text` as programs, for every interface that programs can use on this host.
///
/// *Errors*: a policy that cannot be read or expressed: then nothing is run.
pub(super) fn compile(text: &str) -> Result<Filter, String> {
    let policy = SeccompPolicy::parse(text).map_err(|error| error.to_string())?;
    let tokens: BTreeSet<u32> = ABIS.iter().map(|abi| abi.token).collect();
    let mut programs = Vec::new();
    for token in tokens {
        let mut by_action = rules(&policy, token)?;
        by_action.remove(&policy.default);
        if policy.default != SeccompAction::Allow && by_action.len() > 1 {
            return Err("an allowlist with several actions cannot be installed".to_owned());
        }
        if policy.default != SeccompAction::Allow && by_action.is_empty() {
            by_action.insert(SeccompAction::Allow, Rules::new());
        }
        for (action, rules) in by_action {
            programs.push(program(token, rules, policy.default, action)?);
        }
    }
    Ok(Filter(programs))
}

/// The rules of a policy for the interfaces that the kernel gives this token.
fn rules(policy: &SeccompPolicy, token: u32) -> Result<BTreeMap<SeccompAction, Rules>, String> {
    let mut by_action: BTreeMap<SeccompAction, Rules> = BTreeMap::new();
    for abi in ABIS.iter().filter(|abi| abi.token == token) {
        let applies = |rule: &&SeccompRule| match &rule.arch {
            SeccompArch::All => true,
            SeccompArch::Only(name) => name == abi.section,
        };
        for rule in policy.rules.iter().filter(applies) {
            // A call that this interface does not have cannot be made.
            for number in abi.numbers(&rule.syscall) {
                let mut all = conditions(rule)?;
                match number.first {
                    // The arguments are in memory then, where no filter can look.
                    Some(_) if !all.is_empty() => continue,
                    Some(first) => all.push(is_first(first)?),
                    None => {}
                }
                let rules = by_action.entry(rule.action).or_default();
                let rules = rules.entry(number.call).or_default();
                if !all.is_empty() {
                    rules.push(Rule::new(all).map_err(|error| error.to_string())?);
                }
            }
        }
    }
    Ok(by_action)
}

/// The position of two instructions in what seccompiler writes first: compare the interface, and what to
/// answer if it is another one.
const COMPARE: usize = 1;
const OTHERWISE: usize = 2;

/// `SECCOMP_RET_ALLOW` and `SECCOMP_RET_KILL_PROCESS`, linux/seccomp.h.
const RET_ALLOW: u32 = 0x7fff_0000;
const RET_KILL: u32 = 0x8000_0000;

/// A program that says nothing about other interfaces. seccompiler knows 64-bit ones only and kills
/// programs of all others, so the beginning of what it makes is changed.
fn program(
    token: u32,
    rules: Rules,
    default: SeccompAction,
    action: SeccompAction,
) -> Result<BpfProgram, String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let filter = SeccompFilter::new(rules, to_action(default), to_action(action), arch);
    let filter = filter.map_err(|error| error.to_string())?;
    let mut program = BpfProgram::try_from(filter).map_err(|error| error.to_string())?;
    let strange = || "seccompiler writes another kind of program".to_owned();
    let otherwise = program.get_mut(OTHERWISE).ok_or_else(strange)?;
    if otherwise.k != RET_KILL {
        return Err(strange());
    }
    otherwise.k = RET_ALLOW;
    program.get_mut(COMPARE).ok_or_else(strange)?.k = token;
    Ok(program)
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

fn to_action(action: SeccompAction) -> Action {
    match action {
        SeccompAction::Allow => Action::Allow,
        SeccompAction::Errno(errno) => Action::Errno(u32::from(errno)),
        SeccompAction::Kill => Action::KillProcess,
        SeccompAction::Trap => Action::Trap,
    }
}

/// The condition that the first argument is this number.
fn is_first(number: u64) -> Result<SeccompCondition, String> {
    SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, number)
        .map_err(|error| error.to_string())
}

fn conditions(rule: &SeccompRule) -> Result<Vec<SeccompCondition>, String> {
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
    conditions.collect()
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
    fn every_interface_has_its_numbers() {
        let name = "kexec_load";
        let numbers: Vec<i64> = ABIS
            .iter()
            .flat_map(|abi| abi.numbers(name))
            .map(|number| number.call)
            .collect();
        if cfg!(target_arch = "x86_64") {
            assert_eq!(numbers, [246, 0x4000_0210, 283]);
        }
        assert_eq!(numbers.len(), ABIS.len());
        // An allowlist without a rule for one of them still refuses everything there.
        let filter = compile("2\nallowlist errno 1\n[x86_64]\nread allow\n").unwrap();
        assert_eq!(filter.0.len(), 2);
    }

    #[test]
    fn what_cannot_be_expressed_is_refused() {
        compile("2\nallowlist errno 1\n[all]\nread allow\n").unwrap();
        compile("nonsense").unwrap_err();
    }
}
