// wait4 and waitid: a parent learns of children that ended, stopped or continued, and collects the
// ended ones. Invariant: a zombie is collected exactly once, under its parent's lock, whatever
// becomes of the result.

#include "proc/internal.h"

#include "abi/errno.h"
#include "lib/string.h"

struct wait_request {
    const struct wait_target *target;
    uint32_t options;
    uint32_t status;
    struct abi_rusage *usage;
    struct process *collected; // the tree's reference of it is the caller's to drop
    struct process *living;    // it stopped or went on, and *usage is missing; a reference
};

static bool child_is_meant(const struct process *child, const struct wait_target *target,
                           uint32_t options)
{
    bool is_clone = child->exit_signal != SIGCHLD, wants_clones = options & WAIT_CLONE;
    if (is_clone != wants_clones && !(options & WAIT_ALL))
        return false;
    if (target->kind == P_PID)
        return child->pid == target->id;
    return target->kind == P_ALL || child->group == target->id;
}

// Whether news of the child may still come. A zombie has but one: who does not ask for its end has
// nobody to wait for.
static bool child_is_awaited(const struct process *child, const struct wait_request *request)
{
    return child_is_meant(child, request->target, request->options) &&
           (child->state != PROCESS_ZOMBIE || request->options & WEXITED);
}

// True when there is something to report of this child, that is awaited.
static bool report_child(struct wait_request *request, struct process *parent,
                         struct process *child)
{
    bool stays = request->options & WNOWAIT;
    if (child->state == PROCESS_ZOMBIE) {
        request->status = child->exit_status;
        process_total_usage_locked(child, request->usage);
        if (stays)
            return true;
        process_account_child_locked(parent, child);
        process_unlink_locked(child);
        request->collected = child;
        return true;
    }
    if (request->options & WUNTRACED && child->stop_unreported) {
        child->stop_unreported = stays;
        request->status = child->stop_signal << 8 | WAIT_STOPPED_MARK;
    } else if (request->options & WCONTINUED && child->continue_unreported) {
        child->continue_unreported = stays;
        request->status = WAIT_CONTINUED_STATUS;
    } else {
        return false;
    }
    process_reference(child);
    request->living = child;
    return true;
}

// The pid of a child with news, 0 when there are only children without, -ECHILD.
static int64_t look_at_children(struct wait_request *request, struct process *parent)
{
    int64_t result = -ECHILD;
    process_lock(parent);
    list_for_each (node, &parent->children) {
        struct process *child = list_entry(node, struct process, sibling_link);
        if (!child_is_awaited(child, request))
            continue;
        result = 0;
        uint32_t pid = child->pid;
        if (report_child(request, parent, child)) {
            result = pid;
            break;
        }
    }
    process_unlock(parent);
    return result;
}

// A second lock, after the first.
static void report_usage(struct process *child, struct abi_rusage *usage)
{
    process_lock(child);
    process_total_usage_locked(child, usage);
    process_unlock_and_release(child);
}

int64_t process_wait(const struct wait_target *target, uint32_t options, uint32_t *status,
                     struct abi_rusage *usage)
{
    struct process *parent = current_process();
    struct wait_request request = { .target = target, .options = options, .usage = usage };
    struct waiter waiter = { 0 };
    int64_t result;
    for (;;) {
        wait_prepare(&parent->child_exit, &waiter, WAIT_INTERRUPTIBLE);
        result = look_at_children(&request, parent);
        if (result != 0 || options & WNOHANG)
            break;
        result = wait_block(WAIT_FOREVER);
        if (result != 0)
            break;
    }
    wait_finish(&parent->child_exit, &waiter);
    if (request.collected)
        process_release(request.collected);
    if (request.living)
        report_usage(request.living, usage);
    if (result > 0)
        *status = request.status;
    return result;
}
