//! Help and manual pages.

use std::fmt::Write;
use std::path::Path;

use insta::assert_snapshot;
use os_api::settings::ContainerSetting;

use crate::osctl;

fn run(line: &str) -> String {
    osctl(Path::new("/nonexistent"), line).to_string()
}

#[test]
fn the_tree_is_sound() {
    osctl::command().debug_assert();
}

#[test]
fn help_of_the_tree() {
    let mut text = String::new();
    let mut root = osctl::command();
    root.build();
    describe(&root, "", &mut text);
    assert_snapshot!("tree", text);
}

/// A line a command: its usage and what it is for; every command says the latter.
fn describe(command: &clap::Command, indent: &str, text: &mut String) {
    let mut below: Vec<_> = command.get_subcommands().collect();
    below.sort_by_key(|command| command.get_name());
    for command in below {
        // `every_setting_is_a_command` looks at these.
        if is_setting(command) {
            continue;
        }
        let about = command
            .get_about()
            .unwrap_or_else(|| panic!("{}", command.get_name()));
        let aliases: Vec<_> = command.get_all_aliases().collect();
        let aliases = if aliases.is_empty() {
            String::new()
        } else {
            format!(" [{}]", aliases.join(" "))
        };
        let own = command.get_arguments().filter(|arg| {
            let is_setting = arg.get_help_heading() == Some("Settings");
            !arg.is_global_set() && !arg.is_hide_set() && arg.get_id() != "help" && !is_setting
        });
        let args: Vec<_> = own.map(ToString::to_string).collect();
        writeln!(
            text,
            "{indent}{}{aliases} {} -- {about}",
            command.get_name(),
            args.join(" ")
        )
        .unwrap();
        describe(command, &format!("{indent}  "), text);
    }
}

fn is_setting(command: &clap::Command) -> bool {
    let help = command.get_after_help().map(ToString::to_string);
    help.is_some_and(|help| help.starts_with("Takes effect "))
}

#[test]
fn every_setting_is_a_command() {
    let ct = osctl::command();
    let ct = ct.find_subcommand("ct").unwrap();
    for setting in ContainerSetting::ALL {
        let info = setting.info();
        for verb in ["set", "unset"] {
            let mut at = ct.find_subcommand(verb).unwrap();
            for word in info.word.split(' ') {
                at = at.find_subcommand(word).unwrap();
            }
            assert!(
                is_setting(at) && at.get_about().is_some(),
                "{verb} {}",
                info.word
            );
        }
        let example = info.example.split(" <").next().unwrap();
        let words = format!("osctl ct set {} {example}", info.word);
        let parsed = osctl::command().try_get_matches_from(words.split(' '));
        assert!(parsed.is_ok(), "{words}: {}", parsed.unwrap_err());
    }
}

#[test]
fn help_texts() {
    for (name, line) in [
        ("help", "--help"),
        ("help_short", "-h"),
        ("help_user", "help us"),
        ("help_user_new", "user new --help"),
        ("help_user_ls", "user ls -h"),
        ("help_ct", "ct --help"),
        ("help_ct_ls", "ct ls --help"),
        ("help_ct_set_init_cmd", "ct set init-cmd --help"),
        ("help_ct_unset", "ct unset raw lxc -h"),
        ("help_ct_exec", "ct exec -h"),
        ("help_ct_stop", "help vps stop"),
        ("help_code", "help e-overlap"),
        ("help_no_code", "help E-NOTHING"),
        ("help_exit_codes", "help exit-codes"),
        ("help_global", "help global"),
        ("help_whole", "help ct del"),
    ] {
        assert_snapshot!(name, run(line));
    }
    // The options of settings are in `every_setting_is_a_command`.
    let help = run("ct new --help");
    let (head, _settings) = help.split_once("Settings:\n").unwrap();
    assert_snapshot!("help_ct_new", head);
}

#[test]
fn manual_pages_are_written() {
    let dir = tempfile::TempDir::new().unwrap();
    let ran = osctl(Path::new("/"), &format!("man {}", dir.path().display()));
    assert_eq!(ran.to_string(), "");
    for page in [
        "osctl.1",
        "osctl-user-new.1",
        "osctl-id-range-table-ls.1",
        "osctl-ct-set-raw-lxc.1",
    ] {
        let text = std::fs::read_to_string(dir.path().join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
    let page = std::fs::read_to_string(dir.path().join("osctl.1")).unwrap();
    assert!(page.contains("E\\-NO\\-DAEMON"), "{page}");
    assert!(run("man /nonexistent/folder").contains("status 2"));
}
