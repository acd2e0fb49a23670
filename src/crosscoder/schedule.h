/* What changes from step to step. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Factor of the learning rate of the update with index `step`: step / warmup, so the first update has rate 0; then 1; from
 * decay_start (0 = never) linearly down to 0 at the end. */
double cs_schedule_lr (uint64_t step, uint64_t steps, uint64_t warmup, uint64_t decay_start);

/* round (k_max − (k_max − k) · step / anneal_steps), at least 1; k from anneal_steps on, or where annealing is off (0). */
size_t cs_schedule_k (uint64_t step, size_t k, size_t k_max, uint64_t anneal_steps);
