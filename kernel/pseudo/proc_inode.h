// Inodes that /proc makes on the fly: which process and which of its files they are. For this
// folder only. They hold no reference of the process: its pid and the time of its start name it,
// and a pid that was given again has another time.
#pragma once

#include "fs/inode.h"
#include "proc/process.h"
#include "pseudo/snapshot.h"

// The process with a reference; NULL when it was collected meanwhile.
must_check struct process *proc_inode_process(const struct inode *inode);
// Texts of a process: `fill` is called with it, and with a reference held meanwhile. When it has
// gone the text says -ESRCH instead.
typedef void (*proc_text_fill)(struct snapshot *text, struct process *process);
void proc_text_make(struct snapshot *text, proc_text_fill fill);
// Defines NAME_operations for such a text.
#define PROC_TEXT_FILE(name, fill)                                                                 \
    static void make_##name(struct snapshot *text)                                                 \
    {                                                                                              \
        proc_text_make(text, fill);                                                                \
    }                                                                                              \
    SNAPSHOT_FILE(name, make_##name)

// The number of the thread that the text is about; 0: the process as a whole.
uint32_t proc_inode_thread(const struct inode *inode, const struct process *process);
// The descriptor that an entry of /proc/PID/fd stands for.
int proc_inode_descriptor(const struct inode *inode);

// What /proc/PID has, in the order of its listing.
struct proc_node {
    const char *name;
    uint32_t mode;
    const struct file_operations *file; // by kind: one of the three
    const struct link_operations *link;
    const struct name_operations *names;
};
// The inode number of a process's node; `detail` is a descriptor, for the links in fd/.
uint64_t proc_inode_number(uint32_t pid, uint32_t kind, uint32_t detail);
#define PROC_KIND_PROCESS 0u      // /proc/PID itself
#define PROC_KIND_DESCRIPTOR 255u // /proc/PID/fd/N
// One reference; lives in `directory`, whose process it is of. NULL: no memory.
must_check struct inode *proc_inode_create(struct inode *directory, const struct proc_node *node,
                                           uint64_t number, uint64_t start_ns);

extern const struct name_operations proc_root_names;       // /proc
extern const struct name_operations proc_descriptor_names; // /proc/PID/fd
extern const struct link_operations proc_self_link;        // /proc/self
extern const struct link_operations proc_executable_link;
extern const struct link_operations proc_directory_link;
extern const struct link_operations proc_root_link;

extern const struct file_operations proc_stat_operations;
extern const struct file_operations proc_statm_operations;
extern const struct file_operations proc_status_operations;
extern const struct file_operations proc_limits_operations;
extern const struct file_operations proc_comm_operations;
extern const struct file_operations proc_command_line_operations;
extern const struct file_operations proc_environment_operations;
extern const struct file_operations proc_maps_operations;
extern const struct file_operations proc_registers_operations;
extern const struct file_operations proc_fail_nth_operations; // debug builds
