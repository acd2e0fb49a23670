/* How long a table of latents takes to open, sort and filter. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

typedef struct
{
  double open_seconds;   /* reading latents.h5 */
  double sort_seconds;   /* all rows by one column */
  double filter_seconds; /* all rows by class */
} CsBenchLatents;

/* The middle of several runs on a synthetic table in a temporary folder, which is removed. */
bool cs_bench_latents (size_t n_latents, CsBenchLatents *result, GError **error);
