//! Domain: runs plans: journal, owner queues, deadlines, undo, events, history, recovery
#![forbid(unsafe_code)]
