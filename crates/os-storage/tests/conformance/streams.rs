//! Sending and receiving.

use std::io::{self, Read};

use os_storage::{
    Change, ReceivePolicy, ReceiveRequest, Received, ResumeToken, SendRequest, StorageError,
    StreamError,
};

use crate::fixture::{Fixture, Make};

fn send(f: &Fixture, snapshot: &str, base: Option<&str>, resume: Option<ResumeToken>) -> Vec<u8> {
    let request = SendRequest {
        snapshot: f.snapshot(snapshot),
        base: base.map(|b| f.snapshot(b)),
        resume,
    };
    let mut wire = Vec::new();
    f.contents().send(&request, &mut wire).unwrap();
    wire
}

fn receive(f: &Fixture, snapshot: &str, wire: &[u8]) -> Result<Received, StreamError> {
    receive_with(f, snapshot, ReceivePolicy::Keep, wire)
}

fn receive_with(
    f: &Fixture,
    snapshot: &str,
    policy: ReceivePolicy,
    mut wire: impl Read,
) -> Result<Received, StreamError> {
    let request = ReceiveRequest {
        snapshot: f.snapshot(snapshot),
        policy,
    };
    f.contents().receive(&request, &mut wire)
}

/// Two pools, the first with a dataset of two snapshots.
fn pair(make: Make) -> (Fixture, Fixture) {
    let (from, to) = (make("alpha").started(), make("beta").started());
    let c = from.contents();
    c.create(&from.dataset("a"), &[]).unwrap();
    from.write("a/file", "one");
    from.write("a/big", &"0123456789abcdef".repeat(65536));
    c.snapshot(&from.snapshot("a@1")).unwrap();
    from.write("a/file", "two");
    c.snapshot(&from.snapshot("a@2")).unwrap();
    (from, to)
}

fn finish(from: Fixture, to: Fixture) {
    from.finish();
    to.finish();
}

pub(crate) fn full_and_incremental(make: Make) {
    let (from, to) = pair(make);
    let received = receive(&to, "b@1", &send(&from, "a@1", None, None)).unwrap();
    assert_eq!(received.change, Change::Created);
    assert_eq!(to.read("b/file"), "one");
    receive(&to, "b@2", &send(&from, "a@2", Some("a@1"), None)).unwrap();
    assert_eq!(to.read("b/file"), "two");
    assert_eq!(to.snapshot_names(), ["b@1", "b@2"]);
    let guids = |f: &Fixture| {
        f.contents()
            .snapshots()
            .unwrap()
            .into_iter()
            .map(|s| s.guid)
            .collect::<Vec<_>>()
    };
    assert_eq!(guids(&from), guids(&to));
    // The dataset is a dataset like any other: writable, no clone, its snapshots can go.
    to.write("b/file", "mine");
    let c = to.contents();
    assert_eq!(c.list().unwrap().pop().unwrap().origin, None);
    c.destroy_snapshot(&to.snapshot("b@1")).unwrap();
    c.rollback(&to.snapshot("b@2")).unwrap();
    assert_eq!(to.read("b/file"), "two");
    finish(from, to);
}

pub(crate) fn interrupted_receive_resumes(make: Make) {
    let (from, to) = pair(make);
    let wire = send(&from, "a@1", None, None);
    let cut = &wire[..wire.len() * 2 / 3];
    let token = match receive(&to, "b@1", cut) {
        Err(StreamError::Interrupted { token, .. }) => *token,
        other => panic!("{other:?}"),
    };
    assert!(to.names().is_empty());
    assert!(token.offset > 0);
    // The token survives the daemon: it is asked for again, after the pool was closed.
    to.close();
    to.open();
    let asked = to
        .contents()
        .resume_token(&to.dataset("b"))
        .unwrap()
        .unwrap();
    assert_eq!(asked, token);
    let token: ResumeToken = token.to_string().parse().unwrap();
    let rest = send(&from, "a@1", None, Some(token));
    assert!(rest.len() < wire.len());
    receive(&to, "b@1", &rest).unwrap();
    assert_eq!(to.read("b/file"), "one");
    assert_eq!(to.read("b/big").len(), 1 << 20);
    assert_eq!(to.contents().resume_token(&to.dataset("b")).unwrap(), None);
    finish(from, to);
}

pub(crate) fn resume_of_another_stream_is_refused(make: Make) {
    let (from, to) = pair(make);
    let wire = send(&from, "a@1", None, None);
    let cut = &wire[..wire.len() * 2 / 3];
    let Err(StreamError::Interrupted { token, .. }) = receive(&to, "b@1", cut) else {
        panic!("not interrupted");
    };
    let attempt = |snapshot: &str, token: ResumeToken| {
        let request = SendRequest {
            snapshot: from.snapshot(snapshot),
            base: None,
            resume: Some(token),
        };
        from.contents().send(&request, &mut io::sink()).unwrap_err()
    };
    let wrong_digest = ResumeToken {
        proof: os_storage::Proof::Digest("0".repeat(64)),
        ..(*token).clone()
    };
    let too_far = ResumeToken {
        offset: 1 << 40,
        ..(*token).clone()
    };
    for error in [
        attempt("a@2", (*token).clone()),
        attempt("a@1", wrong_digest),
        attempt("a@1", too_far),
    ] {
        assert!(
            matches!(error, StreamError::ResumeMismatch { .. }),
            "{error}"
        );
    }
    // The receiver does not go on with what does not continue its own beginning either.
    let rest = send(&from, "a@1", None, Some((*token).clone()));
    let error = receive(&to, "other@1", &rest).unwrap_err();
    assert!(
        matches!(error, StreamError::ResumeMismatch { .. }),
        "{error}"
    );
    // Starting over is always possible.
    receive(&to, "b@1", &wire).unwrap();
    finish(from, to);
}

pub(crate) fn modified_dataset_is_kept_or_rolled_back(make: Make) {
    let (from, to) = pair(make);
    receive(&to, "b@1", &send(&from, "a@1", None, None)).unwrap();
    to.write("b/file", "mine");
    let step = send(&from, "a@2", Some("a@1"), None);
    let error = receive(&to, "b@2", &step).unwrap_err();
    assert!(matches!(error, StreamError::Modified { .. }), "{error}");
    assert_eq!(to.read("b/file"), "mine");
    receive_with(&to, "b@2", ReceivePolicy::Rollback, step.as_slice()).unwrap();
    assert_eq!(to.read("b/file"), "two");
    finish(from, to);
}

pub(crate) fn missing_base_is_named(make: Make) {
    let (from, to) = pair(make);
    let step = send(&from, "a@2", Some("a@1"), None);
    let error = receive(&to, "b@2", &step).unwrap_err();
    assert!(
        matches!(error, StreamError::Storage(StorageError::NotFound { .. })),
        "{error}"
    );
    to.contents().create(&to.dataset("b"), &[]).unwrap();
    let wanted = from.contents().snapshots().unwrap().remove(0).guid;
    match receive(&to, "b@2", &step) {
        Err(StreamError::BaseMissing { base, .. }) => assert_eq!(base, wanted),
        other => panic!("{other:?}"),
    }
    let full = send(&from, "a@1", None, None);
    let error = receive(&to, "b@1", &full).unwrap_err();
    assert!(
        matches!(error, StreamError::Storage(StorageError::Exists { .. })),
        "{error}"
    );
    finish(from, to);
}

pub(crate) fn damaged_stream_leaves_nothing(make: Make) {
    let (from, to) = pair(make);
    let wire = send(&from, "a@1", None, None);
    let middle = wire.len() / 2;
    let mut damaged = wire.clone();
    damaged[middle] ^= 1;
    for bad in [damaged.as_slice(), b"GARBAGE", b""] {
        let error = receive(&to, "b@1", bad).unwrap_err();
        assert!(matches!(error, StreamError::BadStream { .. }), "{error}");
    }
    assert!(to.names().is_empty() && to.snapshot_names().is_empty());
    assert_eq!(to.contents().resume_token(&to.dataset("b")).unwrap(), None);
    receive(&to, "b@1", &wire).unwrap();
    finish(from, to);
}

pub(crate) fn abort_leaves_nothing(make: Make) {
    let (from, to) = pair(make);
    let wire = send(&from, "a@1", None, None);
    receive(&to, "b@1", &wire[..wire.len() / 2]).unwrap_err();
    let c = to.contents();
    let dataset = to.dataset("b");
    assert!(c.resume_token(&dataset).unwrap().is_some());
    assert_eq!(c.abort_receive(&dataset).unwrap(), Change::Removed);
    assert_eq!(c.abort_receive(&dataset).unwrap(), Change::Unchanged);
    assert_eq!(c.resume_token(&dataset).unwrap(), None);
    finish(from, to);
}

pub(crate) fn repeated_receive_is_unchanged(make: Make) {
    let (from, to) = pair(make);
    let wire = send(&from, "a@1", None, None);
    receive(&to, "b@1", &wire).unwrap();
    assert_eq!(
        receive(&to, "b@1", &wire).unwrap().change,
        Change::Unchanged
    );
    let other = send(&from, "a@2", None, None);
    let error = receive(&to, "b@1", &other).unwrap_err();
    assert!(
        matches!(error, StreamError::Storage(StorageError::Exists { .. })),
        "{error}"
    );
    finish(from, to);
}

/// Both snapshots then have one guid; clones and destruction still know which is which.
pub(crate) fn received_beside_its_source(make: Make) {
    let (f, to) = pair(make);
    receive(&f, "b@1", &send(&f, "a@1", None, None)).unwrap();
    let c = f.contents();
    c.clone_snapshot(&f.snapshot("a@1"), &f.dataset("clone"), &[])
        .unwrap();
    assert_eq!(
        c.list().unwrap().pop().unwrap().origin,
        Some(f.snapshot("a@1"))
    );
    c.destroy(&f.dataset("b"), os_storage::DestroyScope::Recursive)
        .unwrap();
    let error = c.destroy_snapshot(&f.snapshot("a@1")).unwrap_err();
    assert!(matches!(error, StorageError::InUse { .. }), "{error}");
    finish(f, to);
}

pub(crate) fn there_and_back_again(make: Make) {
    let (from, to) = pair(make);
    receive(&to, "b@1", &send(&from, "a@1", None, None)).unwrap();
    receive(&to, "b@2", &send(&from, "a@2", Some("a@1"), None)).unwrap();
    to.write("b/file", "three");
    to.contents().snapshot(&to.snapshot("b@3")).unwrap();
    let back = send(&to, "b@3", Some("b@2"), None);
    receive(&from, "a@3", &back).unwrap();
    assert_eq!(from.read("a/file"), "three");
    assert_eq!(from.snapshot_names(), ["a@1", "a@2", "a@3"]);
    finish(from, to);
}
