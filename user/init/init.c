// The first process (MISSION rows 8 and 13): runs what the kernel command line names after `--`, in
// order, and powers the machine off when the list is done.
//   PROG[,ARG...]          runs; init waits and says how it ended
//   service:PROG[,ARG...]  runs beside the others and is started again when it dies; five deaths in
//                          quick succession and it is given up
// Without names the demonstration runs. Orphans are reaped and forgotten.
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOB_LIMIT 64
#define ARGUMENT_LIMIT 32
#define RESTART_LIMIT 5
#define QUICK_NS 1000000000u // a service that lived less than this died quickly
#define FAREWELL_NS 1000000000u

struct job {
    char *argv[ARGUMENT_LIMIT + 1];
    bool is_service;
    pid_t pid; // 0: not running
    uint64_t started_ns;
    unsigned quick_deaths;
};

static struct job jobs[JOB_LIMIT];
static size_t job_count;

static const char *const demonstration[] = {
    "/bin/hello",      "/bin/raw",    "/bin/spinners,3,600ms", "/bin/pingpong,200",
    "/bin/offend,all", "/bin/walker", "/bin/forktree,3,3",
};

// Cuts "[service:]PROG,ARG,..." in place.
static void add_job(char *words)
{
    static const char service_prefix[] = "service:";
    if (job_count == JOB_LIMIT) {
        printf("init: more than %d programs: %s is left out\n", JOB_LIMIT, words);
        return;
    }
    struct job *job = &jobs[job_count++];
    if (strncmp(words, service_prefix, sizeof(service_prefix) - 1) == 0) {
        job->is_service = true;
        words += sizeof(service_prefix) - 1;
    }
    size_t count = 0;
    for (char *word = words; word != NULL && count < ARGUMENT_LIMIT;) {
        job->argv[count++] = word;
        word = strchr(word, ',');
        if (word != NULL)
            *word++ = '\0';
    }
}

static void start_job(struct job *job)
{
    job->started_ns = clock_ns();
    job->pid = program_start(job->argv);
    if (job->pid < 0) {
        printf("init: %s: cannot fork: %s\n", job->argv[0], strerror(errno));
        job->pid = 0;
    }
}

static struct job *find_job(pid_t pid)
{
    for (size_t i = 0; i < job_count; i++)
        if (jobs[i].pid == pid)
            return &jobs[i];
    return NULL;
}

static void restart_service(struct job *job)
{
    bool quick = clock_ns() - job->started_ns < QUICK_NS;
    job->quick_deaths = quick ? job->quick_deaths + 1 : 0;
    if (job->quick_deaths > RESTART_LIMIT) {
        printf("init: service %s died %u times in quick succession: given up\n", job->argv[0],
               job->quick_deaths);
        return;
    }
    start_job(job);
    printf("init: service %s restarted as pid %d\n", job->argv[0], (int)job->pid);
}

// Takes in one dead child. False: there are no children.
static bool reap_child(void)
{
    char words[48];
    int status;
    pid_t pid = waitpid(-1, &status, 0);
    if (pid < 0)
        return errno == EINTR;
    struct job *job = find_job(pid);
    if (job == NULL)
        return true; // an orphan
    job->pid = 0;
    printf("init: %s%s pid %d %s\n", job->is_service ? "service " : "", job->argv[0], (int)pid,
           verdict_words(status, words, sizeof(words)));
    if (job->is_service)
        restart_service(job);
    return true;
}

static bool any_service_runs(void)
{
    for (size_t i = 0; i < job_count; i++)
        if (jobs[i].is_service && jobs[i].pid != 0)
            return true;
    return false;
}

// Foreground programs one after the other; a list of services alone is done when all are given up.
static void run_jobs(void)
{
    bool only_services = true;
    for (size_t i = 0; i < job_count; i++) {
        struct job *job = &jobs[i];
        start_job(job);
        if (job->is_service)
            continue;
        only_services = false;
        while (job->pid != 0 && reap_child())
            ;
    }
    while (only_services && any_service_runs() && reap_child())
        ;
}

// Asks the services to end and gives them a moment; the kernel kills what is left.
static void stop_services(void)
{
    for (size_t i = 0; i < job_count; i++)
        if (jobs[i].is_service && jobs[i].pid != 0)
            kill(jobs[i].pid, SIGTERM);
    uint64_t deadline = clock_ns() + FAREWELL_NS;
    while (any_service_runs() && clock_ns() < deadline) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        struct job *job = pid > 0 ? find_job(pid) : NULL;
        if (job != NULL)
            job->pid = 0;
        else if (pid <= 0)
            sleep_ns(1000000);
    }
}

int main(int argc, char **argv)
{
    static char demonstration_words[COUNT_OF(demonstration)][64];
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++)
        add_job(argv[i]);
    if (argc <= 1) {
        for (size_t i = 0; i < COUNT_OF(demonstration); i++) {
            strcpy(demonstration_words[i], demonstration[i]);
            add_job(demonstration_words[i]);
        }
    }
    run_jobs();
    stop_services();
    printf("init: done, powering off\n");
    reboot(RB_POWER_OFF);
    fail("reboot");
}
