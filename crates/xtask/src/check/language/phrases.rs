//! The stock phrases that `language` rejects. To add one, add a line to [`PHRASES`].

/// One stock phrase.
#[derive(Debug)]
pub(super) struct Phrase {
    /// Lower-case words separated by blanks. `a/b` is either word, `*` is any single word,
    /// `!a/b` is any word but these, and a leading `^` requires that the phrase begins a sentence.
    pub(super) words: &'static str,
    /// What to write instead.
    pub(super) better: &'static str,
    /// Why the phrase has to be read twice.
    pub(super) reason: &'static str,
}

const fn phrase(words: &'static str, better: &'static str, reason: &'static str) -> Phrase {
    Phrase {
        words,
        better,
        reason,
    }
}

const ACTOR: &str = "the sentence does not name the actor";
const INVERTED: &str = "the subject comes last, or never";
const PRIVATE: &str = "a private word for a thing that has a standard term";
const QUANTITY: &str = "the unit and the limited thing are missing";
const OLD: &str = "an expression that is no longer in common use";

/// All phrases, by the kind of riddle.
pub(super) const PHRASES: &[Phrase] = &[
    // === no actor ===
    phrase("whoever", "the process, the caller, osctld ...", ACTOR),
    phrase("nobody *", "no process, no user, nothing ...", ACTOR),
    phrase(
        "by/to/for/of/with/from nobody",
        "no process, no user, nothing ...",
        ACTOR,
    ),
    phrase("^who", "the process that, the client that ...", ACTOR),
    phrase(
        "by/to/for/of/on/with/from whom",
        "the user, the process, the client that ...",
        ACTOR,
    ),
    phrase(
        "for those who",
        "for processes that, for administrators who ...",
        ACTOR,
    ),
    phrase(
        "who has/holds/gets what",
        "which operations hold which locks ...",
        ACTOR,
    ),
    phrase(
        "is/are/was/were/be/been/being told",
        "is reported, is logged, the message names ...",
        ACTOR,
    ),
    phrase("so says", "as ... says", ACTOR),
    // === inverted sentences ===
    phrase(
        "^what cannot/could/nobody/nothing",
        "a sentence that begins with its subject",
        INVERTED,
    ),
    phrase(
        "what is/has no",
        "anything that is not, everything without",
        INVERTED,
    ),
    phrase(
        "what is to be",
        "the thing's name: the plan, the target state ...",
        INVERTED,
    ),
    phrase(
        "that/it/which/this/he/one is no !longer/more/other/such/need",
        "is not a",
        INVERTED,
    ),
    phrase(
        "it/that/which/he/this is none",
        "does not exist, there is no ...",
        INVERTED,
    ),
    phrase(
        "if/as/where/when/since none is",
        "there is no ...",
        INVERTED,
    ),
    phrase("is/are/was/were had", "has", INVERTED),
    phrase("of ours/theirs", "our, their", INVERTED),
    phrase("there is none of", "there is no", INVERTED),
    phrase("is/are to be", "must be, will be, should be", INVERTED),
    // === private words ===
    phrase("folder/folders", "directory, directories", PRIVATE),
    phrase(
        "subfolder/subfolders",
        "subdirectory, subdirectories",
        PRIVATE,
    ),
    phrase("way/ways back", "rollback, inverse step", PRIVATE),
    phrase("without a way", "irreversible", PRIVATE),
    phrase("far/near end", "target state, initial state", PRIVATE),
    phrase("far/near ends", "target states, initial states", PRIVATE),
    phrase("rung/rungs", "stop stage, stage", PRIVATE),
    phrase("house", "crate layers, the workspace", PRIVATE),
    phrase(
        "take/takes/took a turn",
        "wait for the lock, hold the lock",
        PRIVATE,
    ),
    phrase("has/have its/their/the turn", "holds the lock", PRIVATE),
    phrase("takes/take/took turns", "run one after the other", PRIVATE),
    phrase(
        "stands/stand back",
        "is not registered on this host",
        PRIVATE,
    ),
    phrase(
        "in step with",
        "consistent with, kept in sync with",
        PRIVATE,
    ),
    phrase("mend/mends/mended/mending", "repair, correct, fix", PRIVATE),
    phrase("hinder/hinders/hindered", "block, delay, prevent", PRIVATE),
    phrase("a look at", "inspecting, reading, checking", PRIVATE),
    phrase(
        "without a look",
        "without inspecting, without checking",
        PRIVATE,
    ),
    phrase("all there is/are", "everything, the only", PRIVATE),
    phrase(
        "touch/touches/touched/touching the world",
        "change the host",
        PRIVATE,
    ),
    phrase("takes/take/took/taken it/them back", "reverts it", PRIVATE),
    phrase("kept/keep/keeps back", "reserved, reserve", PRIVATE),
    // === quantities ===
    phrase(
        "so many *",
        "at most N containers, the given number of ...",
        QUANTITY,
    ),
    phrase(
        "so much *",
        "at most N bytes, the given amount of ...",
        QUANTITY,
    ),
    phrase(
        "so long after/before/for/at",
        "the time after, the timeout of",
        QUANTITY,
    ),
    // === old words ===
    phrase("anew", "again, from scratch", OLD),
    phrase("for ever", "forever", OLD),
    phrase("for good", "permanently", OLD),
    phrase("the like", "similar ...", OLD),
    phrase("its/their kin", "similar programs", OLD),
    phrase("and/or no more", "stop the sentence before it", OLD),
    phrase(
        "lies/lie in/on/below/beside/at/behind/within/above",
        "is in, is below",
        OLD,
    ),
    phrase("goes/go with it/them", "is deleted with it", OLD),
    phrase("come/comes what may", "in every case", OLD),
    phrase("be it", "whether it is", OLD),
    phrase("save for", "except", OLD),
    phrase("let be", "leave unchanged", OLD),
    phrase("by habit", "by default, usually", OLD),
    phrase("under way", "in progress, running", OLD),
];
