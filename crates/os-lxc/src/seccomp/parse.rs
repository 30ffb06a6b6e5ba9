//! Reading LXC's policy format.

use super::{
    SeccompAction, SeccompArch, SeccompCompare, SeccompCondition, SeccompError, SeccompPolicy,
    SeccompRule,
};

/// `MNT_FORCE`, and `EACCES` as LXC answers to it.
const MNT_FORCE: u64 = 1;
const EACCES: u16 = 13;

/// Section names that LXC knows, in lower case.
const ARCHITECTURES: &[&str] = &[
    "x86",
    "x32",
    "x86_64",
    "arm",
    "arm64",
    "ppc",
    "ppc64",
    "ppc64le",
    "mips",
    "mips64",
    "mips64n32",
    "mipsel",
    "mipsel64",
    "mipsel64n32",
    "s390x",
    "s390",
    "riscv64",
    "loongarch64",
];

type Parsed<T> = Result<T, &'static str>;

pub(super) fn policy(text: &str) -> Result<SeccompPolicy, SeccompError> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()));
    let at = |line| move |reason| SeccompError { line, reason };
    let (line, version) = lines.next().unwrap_or((1, ""));
    if version != "2" {
        return Err(at(line)("does not say version 2"));
    }
    let (line, style) = lines.next().unwrap_or((2, ""));
    let (default, usual) = style_of(style).map_err(at(line))?;
    let mut policy = SeccompPolicy {
        default,
        rules: Vec::new(),
    };
    let mut arch = SeccompArch::All;
    for (line, text) in lines {
        // LXC takes a comment behind a rule too.
        let text = text.split('#').next().unwrap_or("").trim();
        if text.is_empty() {
            continue;
        }
        match section(text).map_err(at(line))? {
            Some(next) => arch = next,
            None => policy
                .rules
                .push(rule(text, &arch, usual).map_err(at(line))?),
        }
    }
    Ok(policy)
}

/// The action of calls without a rule, and that of rules that do not say.
fn style_of(text: &str) -> Parsed<(SeccompAction, SeccompAction)> {
    let (style, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (default, usual) = match style {
        "denylist" | "blacklist" => (SeccompAction::Allow, SeccompAction::Kill),
        "allowlist" | "whitelist" => (SeccompAction::Kill, SeccompAction::Allow),
        _ => return Err("is neither denylist nor allowlist"),
    };
    Ok((action(rest)?.unwrap_or(default), usual))
}

fn section(text: &str) -> Parsed<Option<SeccompArch>> {
    let Some(name) = text.strip_prefix('[') else {
        return Ok(None);
    };
    let name = name
        .strip_suffix(']')
        .ok_or("is no section")?
        .to_ascii_lowercase();
    match name.as_str() {
        "all" => Ok(Some(SeccompArch::All)),
        known if ARCHITECTURES.contains(&known) => Ok(Some(SeccompArch::Only(name))),
        _ => Err("names an unknown architecture"),
    }
}

fn rule(text: &str, arch: &SeccompArch, usual: SeccompAction) -> Parsed<SeccompRule> {
    if text == "reject_force_umount" || text == "reject_force_umount errno 1" {
        return Ok(reject_force_umount());
    }
    let (syscall, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !syscall.chars().all(word) {
        return Err("does not begin with the name of a system call");
    }
    let (said, conditions) = match rest.find('[') {
        Some(begin) => rest.split_at(begin),
        None => (rest, ""),
    };
    Ok(SeccompRule {
        syscall: syscall.to_owned(),
        arch: arch.clone(),
        action: action(said)?.unwrap_or(usual),
        conditions: conditions_of(conditions)?,
    })
}

/// LXC's own word for a rule that the format has no words for.
fn reject_force_umount() -> SeccompRule {
    SeccompRule {
        syscall: "umount2".to_owned(),
        arch: SeccompArch::All,
        action: SeccompAction::Errno(EACCES),
        conditions: vec![SeccompCondition {
            index: 1,
            compare: SeccompCompare::MaskedEqual(MNT_FORCE),
            value: MNT_FORCE,
        }],
    }
}

fn action(text: &str) -> Parsed<Option<SeccompAction>> {
    let mut words = text.split_whitespace();
    let action = match words.next() {
        None => return Ok(None),
        Some("allow") => SeccompAction::Allow,
        Some("kill") => SeccompAction::Kill,
        Some("trap") => SeccompAction::Trap,
        Some("errno") => {
            let number = words.next().and_then(|it| it.parse().ok());
            // MAX_ERRNO of the kernel; it takes a larger number for this one.
            let number = number.filter(|it| *it <= 4095);
            SeccompAction::Errno(number.ok_or("has no number behind errno")?)
        }
        Some("notify") => return Err("uses notify, which is not supported"),
        Some(_) => return Err("has an unknown action"),
    };
    match words.next() {
        None => Ok(Some(action)),
        Some(_) => Err("has something behind its action"),
    }
}

/// `[index,value,op]` or `[index,value,op,mask]`, several in a row.
fn conditions_of(text: &str) -> Parsed<Vec<SeccompCondition>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let inner = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let inner = inner.ok_or("has a condition without brackets")?;
    inner.split("][").map(condition).collect()
}

fn condition(text: &str) -> Parsed<SeccompCondition> {
    let fields: Vec<&str> = text.split(',').map(str::trim).collect();
    let (index, value, compare, mask) = match fields.as_slice() {
        [index, value, compare] => (index, value, compare, "0"),
        [index, value, compare, mask] => (index, value, compare, *mask),
        _ => return Err("has a condition that is not [index,value,op] or [index,value,op,mask]"),
    };
    let index = index.parse().ok().filter(|it| *it < 6);
    let value = number(value)?;
    let compare = match *compare {
        "SCMP_CMP_NE" | "!=" => SeccompCompare::NotEqual,
        "SCMP_CMP_LT" | "<" => SeccompCompare::Less,
        "SCMP_CMP_LE" | "<=" => SeccompCompare::LessOrEqual,
        "SCMP_CMP_EQ" | "==" => SeccompCompare::Equal,
        "SCMP_CMP_GE" | ">=" => SeccompCompare::GreaterOrEqual,
        "SCMP_CMP_GT" | ">" => SeccompCompare::Greater,
        "SCMP_CMP_MASKED_EQ" | "&=" => SeccompCompare::MaskedEqual(number(mask)?),
        _ => return Err("has a condition with an unknown operator"),
    };
    let index = index.ok_or("has a condition on an argument that is not 0 to 5")?;
    Ok(SeccompCondition {
        index,
        compare,
        value,
    })
}

fn number(text: &str) -> Parsed<u64> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_error| "has a condition with an invalid number")
}
