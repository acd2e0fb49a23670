#include "job-clock.h"

#include <glib.h>

/* Too little time to say anything about a rate. */
#define MIN_SECONDS 0.05

void
cs_job_clock_start (CsJobClock *clock)
{
  if (clock->running_since == 0)
    clock->running_since = g_get_monotonic_time ();
}

void
cs_job_clock_stop (CsJobClock *clock)
{
  if (clock->running_since > 0)
    clock->ran_before += g_get_monotonic_time () - clock->running_since;
  clock->running_since = 0;
}

double
cs_job_clock_seconds (const CsJobClock *clock)
{
  int64_t now = clock->running_since > 0 ? g_get_monotonic_time () - clock->running_since : 0;

  return 1e-6 * (double) (clock->ran_before + now);
}

void
cs_job_clock_restart_count (CsJobClock *clock)
{
  clock->n_samples = 0;
}

void
cs_job_clock_count (CsJobClock *clock, double count)
{
  double now = cs_job_clock_seconds (clock);
  size_t newest = (clock->next_sample + CS_JOB_CLOCK_SAMPLES - 1) % CS_JOB_CLOCK_SAMPLES;

  if (count < clock->count)
    cs_job_clock_restart_count (clock);
  clock->count = count;
  if (clock->n_samples > 0 && now - clock->samples[newest].seconds < CS_JOB_CLOCK_INTERVAL)
    return;
  clock->samples[clock->next_sample].seconds = now;
  clock->samples[clock->next_sample].count = count;
  clock->next_sample = (clock->next_sample + 1) % CS_JOB_CLOCK_SAMPLES;
  clock->n_samples = MIN (clock->n_samples + 1, CS_JOB_CLOCK_SAMPLES);
}

double
cs_job_clock_rate (const CsJobClock *clock)
{
  size_t oldest =
    (clock->next_sample + CS_JOB_CLOCK_SAMPLES - clock->n_samples) % CS_JOB_CLOCK_SAMPLES;
  double seconds, counted;

  if (clock->n_samples == 0)
    return 0;
  seconds = cs_job_clock_seconds (clock) - clock->samples[oldest].seconds;
  counted = clock->count - clock->samples[oldest].count;
  return seconds > MIN_SECONDS && counted > 0 ? counted / seconds : 0;
}
