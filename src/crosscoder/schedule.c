#include "schedule.h"

#include <glib.h>
#include <math.h>

double
cs_schedule_lr (uint64_t step, uint64_t steps, uint64_t warmup, uint64_t decay_start)
{
  if (step < warmup)
    return (double)step / (double)warmup;
  if (decay_start == 0 || step < decay_start)
    return 1;
  if (step >= steps || decay_start >= steps)
    return 0;
  return (double)(steps - step) / (double)(steps - decay_start);
}

size_t
cs_schedule_k (uint64_t step, size_t k, size_t k_max, uint64_t anneal_steps)
{
  if (step >= anneal_steps || k_max == 0)
    return k;
  const double span = (double)k_max - (double)k;
  const double now = round ((double)k_max - span * (double)step / (double)anneal_steps);
  return (size_t)MAX (1, now);
}
