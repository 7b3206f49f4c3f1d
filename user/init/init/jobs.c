// The programs that the command line names: one after the other, services beside them. They have
// the console as their streams, but no controlling terminal: who wants one runs `setsid -c`.
// Invariant: `next_job` is the program that runs or the next one to start.
#include "init.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define JOB_LIMIT 64
#define ARGUMENT_LIMIT 32

struct job {
    char *argv[ARGUMENT_LIMIT + 1];
    bool is_service;
    bool has_started;
    pid_t pid; // 0: not running
    uint64_t started_ns;
    unsigned quick_deaths;
};

static struct job jobs[JOB_LIMIT];
static size_t job_count;
static size_t next_job;
static unsigned failed_count;
static bool only_services = true;

void jobs_add(char *words)
{
    static const char service_prefix[] = "service:";
    if (job_count == JOB_LIMIT) {
        printf("init: more than %d programs: %s is left out\n", JOB_LIMIT, words);
        failed_count++;
        return;
    }
    struct job *job = &jobs[job_count++];
    if (strncmp(words, service_prefix, sizeof(service_prefix) - 1) == 0) {
        job->is_service = true;
        words += sizeof(service_prefix) - 1;
    } else {
        only_services = false;
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
    job->has_started = true;
    job->started_ns = clock_ns();
    if (!job->is_service)
        console_restore();
    fflush(NULL);
    job->pid = fork();
    if (job->pid == 0) {
        signals_release();
        program_become(job->argv);
    }
    if (job->pid > 0)
        return;
    printf("init: %s: cannot fork: %s\n", job->argv[0], strerror(errno));
    job->pid = 0;
    failed_count += !job->is_service;
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

static bool any_service_runs(void)
{
    for (size_t i = 0; i < job_count; i++)
        if (jobs[i].is_service && jobs[i].pid != 0)
            return true;
    return false;
}

bool jobs_advance(void)
{
    for (; next_job < job_count; next_job++) {
        struct job *job = &jobs[next_job];
        if (!job->has_started)
            start_job(job);
        if (!job->is_service && job->pid != 0)
            return true;
    }
    return only_services && any_service_runs(); // such a list is done when all are given up
}

static struct job *find_job(pid_t pid)
{
    for (size_t i = 0; i < job_count; i++)
        if (jobs[i].pid == pid)
            return &jobs[i];
    return NULL;
}

bool jobs_take_child(pid_t pid, int status)
{
    char words[48];
    struct job *job = find_job(pid);
    if (job == NULL)
        return false;
    job->pid = 0;
    printf("init: %s%s pid %d %s\n", job->is_service ? "service " : "", job->argv[0], (int)pid,
           verdict_words(status, words, sizeof(words)));
    if (job->is_service && !machine_is_ending())
        restart_service(job);
    failed_count += !job->is_service && status != 0;
    return true;
}

unsigned jobs_failed(void)
{
    return failed_count;
}
