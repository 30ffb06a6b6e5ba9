//! Domain: pools, id ranges, users and groups; from wanted and actual state to a plan
#![forbid(unsafe_code)]
