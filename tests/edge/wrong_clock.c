/* A wall clock that is off by the seconds in the file $WRONG_CLOCK ("OFFSET SYNCED"), for one process and its children. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <time.h>

static void told(double *off, int *synced)
{
    FILE *file = fopen(getenv("WRONG_CLOCK"), "r");
    *off = 0, *synced = 0;
    if (file) {
        if (fscanf(file, "%lf %d", off, synced) != 2) *off = 0;
        fclose(file);
    }
}

int clock_gettime(clockid_t which, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    double off;
    int synced, result;
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    result = real(which, time);
    if (which == CLOCK_REALTIME) told(&off, &synced), time->tv_sec += (long)off;
    return result;
}

int adjtimex(struct timex *state)
{
    double off;
    int synced;
    told(&off, &synced);
    state->status = synced ? 0 : STA_UNSYNC;
    return synced ? TIME_OK : TIME_ERROR;
}
