// Rows of calls on paths.
#include "failwalk.h"

#include <fcntl.h>
#include <sys/stat.h>

static void make_box(void)
{
    (void)CALL(SYS_mkdir, NEW_BOX, 0755);
}

static void make_file(void)
{
    (void)CALL(SYS_mknod, NEW, S_IFREG | 0644);
}

static void make_fifo(void)
{
    (void)CALL(SYS_mknod, NEW, S_IFIFO | 0644);
}

static void make_full_file(void)
{
    long file = CALL(SYS_open, NEW, O_RDWR | O_CREAT, 0644);
    (void)CALL(SYS_write, file, scene.places[0], PAGE);
    (void)CALL(SYS_close, file);
}

ACT(open_new, SYS_open, NEW, O_RDWR | O_CREAT, 0644)
ACT(open_truncate, SYS_open, NEW, O_RDWR | O_TRUNC)
ACT(open_link, SYS_open, LINK, O_RDONLY)
ACT(open_fifo, SYS_open, NEW, O_RDWR)
ACT(open_maps, SYS_open, "/proc/self/maps", O_RDONLY)
ACT(open_fd, SYS_open, "/proc/self/fd/0", O_RDONLY)
ACT(open_thread, SYS_open, "/proc/1/task/1/status", O_RDONLY)
ACT(open_null, SYS_open, "/dev/null", O_RDWR)
ACT(open_terminal, SYS_open, "/dev/tty", O_RDWR)
ACT(openat_new, SYS_openat, scene.folder, "new", O_RDWR | O_CREAT | O_EXCL, 0644)
ACT(creat_new, SYS_creat, NEW, 0644)
ACT(mkdir_new, SYS_mkdir, NEW_BOX, 0755)
ACT(mkdirat_new, SYS_mkdirat, scene.folder, "newbox", 0755)
ACT(rmdir_new, SYS_rmdir, NEW_BOX)
ACT(unlink_new, SYS_unlink, NEW)
ACT(unlinkat_box, SYS_unlinkat, scene.folder, "newbox", AT_REMOVEDIR)
ACT(rename_new, SYS_rename, NEW, BOX "/renamed")
ACT(renameat_new, SYS_renameat, scene.folder, "new", scene.folder, "box/renamed")
ACT(renameat2_new, SYS_renameat2, scene.folder, "new", scene.folder, "box/renamed", 1)
ACT(link_new, SYS_link, OLD, NEW)
ACT(linkat_new, SYS_linkat, scene.folder, "old", scene.folder, "new", 0)
ACT(symlink_new, SYS_symlink, "/somewhere/else", NEW)
ACT(symlinkat_new, SYS_symlinkat, "/somewhere/else", scene.folder, "new")
ACT(readlink_link, SYS_readlink, LINK, scene.places[0], PAGE)
ACT(readlink_exe, SYS_readlink, "/proc/self/exe", scene.places[0], PAGE)
ACT(readlinkat_link, SYS_readlinkat, scene.folder, "link", scene.places[0], PAGE)
ACT(mknod_fifo, SYS_mknod, NEW, S_IFIFO | 0644)
ACT(mknodat_file, SYS_mknodat, scene.folder, "new", S_IFREG | 0644)
ACT(truncate_longer, SYS_truncate, NEW, 5 * PAGE)
ACT(chdir_box, SYS_chdir, BOX)
ACT(fchdir_folder, SYS_fchdir, scene.folder)
ACT(getcwd_plain, SYS_getcwd, scene.places[0], PAGE)
ACT(chmod_file, SYS_chmod, OLD, 0644)
ACT(fchmodat_file, SYS_fchmodat, scene.folder, "old", 0644)
ACT(statx_file, SYS_statx, scene.folder, "link", 0, 0x7ff, scene.places[0])
ACT(newfstatat_empty, SYS_newfstatat, scene.folder, "", scene.places[0], AT_EMPTY_PATH)
ACT(newfstatat_link, SYS_newfstatat, scene.folder, "link", scene.places[0], AT_SYMLINK_NOFOLLOW)
ACT(utimensat_now, SYS_utimensat, scene.folder, "old", scene.places[0], 0)

const struct row name_rows[] = {
    ROW(open, new, NULL),
    ROW(open, truncate, make_full_file),
    ROW(open, link, NULL),
    ROW(open, fifo, make_fifo),
    ROW(open, maps, NULL),
    ROW(open, fd, NULL),
    ROW(open, thread, NULL),
    ROW(open, null, NULL),
    ROW(openat, new, NULL),
    ROW(creat, new, NULL),
    ROW(mkdir, new, NULL),
    ROW(mkdirat, new, NULL),
    ROW(rmdir, new, make_box),
    ROW(unlink, new, make_full_file),
    ROW(unlinkat, box, make_box),
    ROW(rename, new, make_file),
    ROW(renameat, new, make_file),
    ROW(renameat2, new, make_file),
    ROW(link, new, NULL),
    ROW(linkat, new, NULL),
    ROW(symlink, new, NULL),
    ROW(symlinkat, new, NULL),
    ROW(readlink, link, NULL),
    ROW(readlink, exe, NULL),
    ROW(readlinkat, link, NULL),
    ROW(mknod, fifo, NULL),
    ROW(mknodat, file, NULL),
    ROW(truncate, longer, make_full_file),
    ROW(chdir, box, NULL),
    ROW(fchdir, folder, NULL),
    ROW(getcwd, plain, NULL),
    ROW(chmod, file, NULL),
    ROW(fchmodat, file, NULL),
    ROW(statx, file, NULL),
    ROW(newfstatat, empty, NULL),
    ROW(newfstatat, link, NULL),
    ROW(utimensat, now, NULL),
    { "open terminal", SYS_open, NULL, act_open_terminal, RETURNS, ENXIO },
};
const size_t name_row_count = COUNT_OF(name_rows);
