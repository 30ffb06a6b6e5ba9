//! Plans applied to a host in memory: what they are, what they refuse, what they leave behind.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod disjoint;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod world;
