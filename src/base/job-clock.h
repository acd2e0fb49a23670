/* The clock of a job, which stands while the job is paused, and the rate at which a count grows on
 * it. Not thread-safe: CsJob keeps one under its mutex. A zeroed struct is a clock that stands at
 * 0. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The rate is taken over the last CS_JOB_CLOCK_SAMPLES × CS_JOB_CLOCK_INTERVAL seconds on the
 * clock. */
#define CS_JOB_CLOCK_SAMPLES 20
#define CS_JOB_CLOCK_INTERVAL 0.25

typedef struct {
  int64_t  running_since;  /* monotonic µs; 0 while the clock stands */
  int64_t  ran_before;     /* µs on the clock before running_since */
  size_t   n_samples, next_sample;
  struct {
    double seconds, count;
  } samples[CS_JOB_CLOCK_SAMPLES];
  double   count;          /* the latest */
} CsJobClock;

void   cs_job_clock_start (CsJobClock *clock);   /* does nothing where it runs already */
void   cs_job_clock_stop (CsJobClock *clock);
double cs_job_clock_seconds (const CsJobClock *clock);

/* Reports the count; one that fell is a new count and starts the rate afresh. */
void   cs_job_clock_count (CsJobClock *clock, double count);
void   cs_job_clock_restart_count (CsJobClock *clock);
/* Counts a second from the oldest sample to now, 0 when not known. */
double cs_job_clock_rate (const CsJobClock *clock);
