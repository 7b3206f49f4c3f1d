// Judges a try (judge.h). Called by main.c.
#include "judge.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

// Points of a row whose failure does no harm: the call ends as without it, as on Linux.
struct harmless {
    const char *row;
    const char *kind;
    unsigned limit; // so many at most
};

static const struct harmless harmless[] = {
    // The name that /proc shows of what is open or runs: unknown then.
    { "open maps", "object", 1 },
    { "open fd", "object", 1 },
    { "open fd", "frame", 1 },
    { "open thread", "object", 1 },
    { "execve program", "object", 1 },
    { "execve script", "object", 2 }, // of the script, of its interpreter
    { "execve pie", "object", 1 },
    // The time that was left is told to who can be told.
    { "ppoll wait", "copy", 1 },
    { "select three", "copy", 1 },
    { "pselect6 many", "copy", 1 },
    // So is the thread's id: it is there already.
    { "clone process", "copy", 1 },
    { "clone thread", "copy", 1 },
    // The string ends before the byte that cannot be read.
    { "prctl name", "copy", 1 },
    // The state's marks cannot be read in place: it is copied and looked at.
    { "rt_sigreturn", "copy", 3 },
    { "rt_sigreturn copied", "copy", 3 },
    // A signal by kill() comes without information rather than not at all.
    { "kill blocked", "object", 1 },
    // Without faults first, under a lock; then with them.
    { "futex wait", "copy", 1 },
    { "futex wait, private", "copy", 1 },
    { "futex requeue", "copy", 1 },
};

static unsigned excused[COUNT_OF(harmless)];

void judge_begin(void)
{
    memset(excused, 0, sizeof(excused));
}

static bool is_kind(const struct trial *trial, const char *kind)
{
    size_t length = strlen(kind);
    return strncmp(trial->trail, kind, length) == 0 && trial->trail[length] == ' ';
}

static bool is_harmless(const struct row *row, const struct trial *trial)
{
    for (size_t i = 0; i < COUNT_OF(harmless); i++) {
        if (strcmp(harmless[i].row, row->name) == 0 && is_kind(trial, harmless[i].kind))
            return excused[i]++ < harmless[i].limit;
    }
    return false;
}

// They tell how far they came.
static bool is_counted(long number)
{
    switch (number) {
    case SYS_read:
    case SYS_write:
    case SYS_pread64:
    case SYS_pwrite64:
    case SYS_readv:
    case SYS_writev:
    case SYS_preadv:
    case SYS_pwritev:
    case SYS_sendfile:
    case SYS_getrandom:
        return true;
    default:
        return false;
    }
}

// Rows in which a handler is entered or left.
static bool has_signal_frame(long number)
{
    switch (number) {
    case SYS_kill:
    case SYS_tkill:
    case SYS_tgkill:
    case SYS_rt_sigqueueinfo:
    case SYS_rt_tgsigqueueinfo:
    case SYS_rt_sigprocmask:
    case SYS_rt_sigsuspend:
    case SYS_rt_sigreturn:
    case SYS_pause:
        return true;
    default:
        return false;
    }
}

static long error_due(const struct row *row, const struct trial *trial)
{
    bool is_queued = row->number == SYS_rt_sigqueueinfo || row->number == SYS_rt_tgsigqueueinfo;
    if (is_kind(trial, "copy"))
        return EFAULT;
    return is_queued && is_kind(trial, "object") ? EAGAIN : ENOMEM;
}

// A page that the program or, for it, the kernel touched.
static bool is_in_fault(const struct trial *trial)
{
    return strstr(trial->trail, " address_space_fault+") != NULL;
}

static const char *judge_signal(const struct row *row, const struct trial *trial, int signal)
{
    if (row->ending == ENDS && signal == SIGTERM)
        return NULL;
    if (!trial->trail)
        return "killed although nothing failed";
    if (is_kind(trial, "copy"))
        return signal == SIGSEGV && has_signal_frame(row->number) ? NULL : "killed for a copy";
    if (signal != SIGKILL)
        return "killed for memory, but not by SIGKILL";
    return is_in_fault(trial) || row->number == SYS_rt_sigreturn ? NULL
                                                                 : "killed where it can be told";
}

static const char *judge_result(const struct row *row, const struct trial *trial)
{
    long result = trial->result;
    bool is_rightful = row->error == 0 ? result >= 0 : result == -row->error;
    if (!trial->trail)
        return is_rightful ? NULL : "result";
    if (is_in_fault(trial))
        return "lives on without its page";
    if (result == -error_due(row, trial))
        return NULL;
    if (is_counted(row->number) && result > 0 && result < trial->whole)
        return NULL;
    return is_rightful && is_harmless(row, trial) ? NULL : "result for what failed";
}

// One that replaces the program or ends: no result comes back, unless it was refused.
static const char *judge_way(const struct row *row, const struct trial *trial)
{
    if (trial->done)
        return trial->trail ? judge_result(row, trial) : "came back";
    if (WEXITSTATUS(trial->status) != 0)
        return "did not go its way";
    if (!trial->trail || row->ending == ENDS)
        return NULL;
    return is_harmless(row, trial) ? NULL : "went its way with a failure";
}

const char *judge_trial(const struct row *row, const struct trial *trial)
{
    if (WIFSIGNALED(trial->status))
        return judge_signal(row, trial, WTERMSIG(trial->status));
    if (row->ending != RETURNS)
        return judge_way(row, trial);
    if (WEXITSTATUS(trial->status) != 0 || !trial->done)
        return "exited before the result";
    return judge_result(row, trial);
}
