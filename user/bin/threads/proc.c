// What /proc tells of threads, and their names.
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static atomic_int ready, released;

static void *wait_with_name(void *argument)
{
    prctl(PR_SET_NAME, argument);
    ready = own_tid();
    await(&released, 1);
    return NULL;
}

static bool read_text(const char *format, pid_t tid, char *text, size_t size)
{
    char path[80];
    snprintf(path, sizeof(path), format, tid);
    int file = open(path, O_RDONLY);
    if (file < 0)
        return false;
    ssize_t length = read(file, text, size - 1);
    close(file);
    text[length < 0 ? 0 : length] = '\0';
    return length >= 0;
}

static long status_value(const char *text, const char *key)
{
    const char *line = strstr(text, key);
    return line ? atol(line + strlen(key)) : -1;
}

static int count_entries(const char *path)
{
    int count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

static bool test_task_folder(void)
{
    char text[4096];
    pthread_t thread = thread_begin(wait_with_name, "worker");
    await(&ready, 1);
    EXPECT(count_entries("/proc/self/task") == 2);
    EXPECT(read_text("/proc/self/task/%d/comm", ready, text, sizeof(text)));
    EXPECT(strcmp(text, "worker\n") == 0);
    EXPECT(read_text("/proc/self/task/%d/status", ready, text, sizeof(text)));
    EXPECT(status_value(text, "\nPid:") == ready && status_value(text, "\nTgid:") == getpid());
    EXPECT(status_value(text, "\nThreads:") == 2);
    EXPECT(read_text("/proc/self/task/%d/stat", ready, text, sizeof(text)));
    EXPECT(atoi(text) == ready && strstr(text, "(worker)"));
    EXPECT(read_text("/proc/self/status", 0, text, sizeof(text)));
    EXPECT(status_value(text, "\nPid:") == getpid() && status_value(text, "\nThreads:") == 2);
    EXPECT(read_text("/proc/%d/status", ready, text, sizeof(text))); // found, though not listed
    EXPECT(status_value(text, "\nTgid:") == getpid());
    EXPECT(!read_text("/proc/self/task/%d/stat", 1, text, sizeof(text)));
    released = 1;
    thread_join(thread);
    while (count_entries("/proc/self/task") != 1)
        ;
    EXPECT(!read_text("/proc/self/task/%d/stat", ready, text, sizeof(text)));
    return true;
}

static bool is_listed(pid_t pid)
{
    bool found = false;
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        found |= atoi(entry->d_name) == pid;
    if (folder)
        closedir(folder);
    return found;
}

static bool test_processes_are_listed(void)
{
    pthread_t thread = thread_begin(wait_with_name, "hidden");
    await(&ready, 1);
    EXPECT(is_listed(getpid()) && !is_listed(ready));
    released = 1;
    thread_join(thread);
    return true;
}

static bool test_names(void)
{
    char name[32], text[64];
    pthread_t thread = thread_begin(wait_with_name, "other");
    await(&ready, 1);
    EXPECT(prctl(PR_SET_NAME, "first") == 0);
    EXPECT(pthread_setname_np(thread, "renamed") == 0);
    EXPECT(pthread_setname_np(pthread_self(), "own") == 0);
    EXPECT(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "own") == 0);
    EXPECT(read_text("/proc/self/task/%d/comm", ready, text, sizeof(text)));
    EXPECT(strcmp(text, "renamed\n") == 0);
    EXPECT(read_text("/proc/self/comm", 0, text, sizeof(text)) && strcmp(text, "own\n") == 0);
    released = 1;
    thread_join(thread);
    return true;
}

const struct test proc_tests[] = {
    { "task-folder", test_task_folder },
    { "processes-are-listed", test_processes_are_listed },
    { "names", test_names },
};
const size_t proc_test_count = COUNT_OF(proc_tests);
