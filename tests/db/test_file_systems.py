"""File systems that several machines share hold no store."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import StoreError
from db.file_systems import file_system_type, is_shared_file_system, refuse_network_file_system

SHARED = """
nfs nfs4 cifs smb3 smbfs 9p afs kafs coda ceph lustre gpfs beegfs orangefs pvfs2 panfs glusterfs ocfs2 gfs2 virtiofs
vboxsf prl_fs wekafs ncpfs drvfs davfs fuse fuse.sshfs fuse.glusterfs fuse.rclone fuse.s3fs fuse.gcsfuse fuse.goofys
fuse.ceph-fuse fuse.juicefs fuse.mfs fuse.moosefs fuse.grpcfuse fuse.osxfs fuse.vmhgfs-fuse fuse.one-of-next-year
"""
LOCAL = "ext2 ext3 ext4 xfs btrfs zfs f2fs overlay tmpfs ramfs fuseblk ntfs3 exfat vfat apfs fuse.fuse-overlayfs"


@pytest.mark.fault("A10")
def test_each_file_system_that_machines_share_is_refused(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    for kind in SHARED.split():
        mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/home {tmp_path}/far {kind} rw 0 0\n")
        with pytest.raises(StoreError, match=rf"\({kind}\)") as raised:
            refuse_network_file_system(tmp_path / "far" / "store.db", mounts)
        assert raised.value.why and "local disk" in raised.value.fix
        refuse_network_file_system(tmp_path / "near.db", mounts)


@pytest.mark.fault("A10")
def test_no_local_file_system_is_refused() -> None:
    assert [kind for kind in LOCAL.split() if is_shared_file_system(kind)] == []


def test_a_network_file_system_is_recognised_by_a_mount_with_a_space(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda1 / ext4 rw 0 0\nserver:/home /mnt/my\\040disk nfs rw 0 0\n")
    assert file_system_type(Path("/mnt/my disk/deep"), mounts) == "nfs"
    assert file_system_type(Path("/mnt/my"), mounts) == "ext4"


def test_a_line_of_mounts_that_cannot_be_read_is_skipped(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("\nonly two\nserver:/x /mnt nfs rw 0 0\n")
    assert file_system_type(Path("/mnt"), mounts) == "nfs"


@pytest.mark.fault("A10")
def test_a_link_to_a_network_file_system_is_refused(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near.db").symlink_to(tmp_path / "far" / "store.db")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/home {tmp_path}/far nfs rw 0 0\n")
    with pytest.raises(StoreError, match="nfs"):
        refuse_network_file_system(tmp_path / "near.db", mounts)


def test_a_system_without_a_list_of_mounts_refuses_nothing(tmp_path: Path) -> None:
    assert file_system_type(tmp_path, tmp_path / "none") == ""
