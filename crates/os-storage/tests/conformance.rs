//! What every backend must do, run against every backend.
//!
//! A backend joins with one line: `suite!(name, fixture function)`. The tests are plain functions
//! over the traits; nothing in `conformance/` but `fixture.rs` knows a backend. Needs root and a
//! kernel with btrfs and loop devices, or with ZFS; without them every test fails and says so.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test code outside of #[test] functions; plain files, no atomicity needed"
)]

#[path = "conformance/fixture.rs"]
mod fixture;

#[path = "conformance/datasets.rs"]
mod datasets;
#[path = "conformance/limits.rs"]
mod limits;
#[path = "conformance/pools.rs"]
mod pools;
#[path = "conformance/snapshots.rs"]
mod snapshots;
#[path = "conformance/streams.rs"]
mod streams;

macro_rules! suite {
    ($backend:ident, $make:path, [$($area:ident :: $test:ident),* $(,)?]) => {
        mod $backend {
            $(
                #[test]
                fn $test() {
                    crate::$area::$test($make);
                }
            )*
        }
    };
    ($backend:ident, $make:path) => {
        suite!($backend, $make, [
            pools::create_open_close_destroy_repeat,
            pools::status_follows_the_life_of_a_pool,
            pools::open_is_refused_by_the_inspector_without_a_trace,
            pools::an_inspection_is_not_taken_along_by_others,
            pools::mountpoint_with_files_is_refused,
            pools::mountpoint_of_another_mount_is_refused,
            pools::close_names_who_holds_the_pool,
            pools::open_pool_is_not_destroyed,
            pools::contents_survive_close_and_open,
            pools::mounted_nosuid_nodev,
            datasets::create_lists_everything,
            datasets::create_repeats_and_refuses_difference,
            datasets::create_needs_its_parent,
            datasets::strange_neighbours_are_no_datasets,
            datasets::rename_takes_children_and_snapshots_along,
            datasets::destroy_refuses_dependents_by_name,
            datasets::destroy_recursive_spares_outer_clones,
            datasets::properties_are_set_and_unset,
            datasets::the_pool_itself_cannot_be_destroyed,
            datasets::guest_symlinks_are_not_followed,
            datasets::many_datasets_are_listed_at_once,
            snapshots::snapshot_is_frozen_and_repeats,
            snapshots::snapshots_are_listed_oldest_first,
            snapshots::clone_has_origin_and_own_identity,
            snapshots::snapshot_with_clones_stays,
            snapshots::rollback_restores_and_keeps_identity,
            snapshots::rollback_keeps_children,
            snapshots::rollback_needs_the_newest,
            limits::figures_follow_writes,
            limits::limit_is_enforced_and_named,
            limits::limit_survives_rollback,
            streams::full_and_incremental,
            streams::interrupted_receive_resumes,
            streams::resume_of_another_stream_is_refused,
            streams::modified_dataset_is_kept_or_rolled_back,
            streams::missing_base_is_named,
            streams::damaged_stream_leaves_nothing,
            streams::abort_leaves_nothing,
            streams::repeated_receive_is_unchanged,
            streams::there_and_back_again,
            streams::received_beside_its_source,
        ]);
    };
}

suite!(btrfs_image, crate::fixture::btrfs_image);
suite!(btrfs_directory, crate::fixture::btrfs_directory);
suite!(zfs_file, crate::fixture::zfs_file);
