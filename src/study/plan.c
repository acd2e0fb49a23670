#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "plan-private.h"

#define DAY 86400.0

/* --- The machine --- */

static double
disk_free (const char *path)
{
  g_autofree char *folder = cs_existing_folder (path);
  struct statvfs info;

  return statvfs (folder, &info) == 0 ? (double)info.f_bavail * (double)info.f_frsize : NAN;
}

static double
memory_available (void)
{
  g_autofree char *text = NULL;
  const char *line;
  double kilobytes;

  if (g_file_get_contents ("/proc/meminfo", &text, NULL, NULL) &&
      (line = strstr (text, "MemAvailable:")) != NULL &&
      sscanf (line, "MemAvailable: %lf", &kilobytes) == 1)
    return 1024 * kilobytes;
  return NAN;
}

static CsPlan *
plan_new (const char *path)
{
  CsPlan *plan = g_new0 (CsPlan, 1);

  plan->disk_free = disk_free (path);
  plan->memory_available = memory_available ();
  plan->problems = g_new0 (char *, 1);
  plan->advice = g_new0 (char *, 1);
  return plan;
}

void
cs_plan_free (CsPlan *plan)
{
  if (plan == NULL)
    return;
  g_strfreev (plan->problems);
  g_strfreev (plan->advice);
  g_free (plan);
}

/* --- Words --- */

static void
say (char ***list, char *sentence)
{
  guint n = g_strv_length (*list);

  *list = g_renew (char *, *list, n + 2);
  (*list)[n] = sentence;
  (*list)[n + 1] = NULL;
}

static char *
bytes_text (double bytes)
{
  return g_format_size ((guint64)CLAMP (bytes, 0, 1e18));
}

/* Two digits, so that what is named surely fits. */
static char *
round_down (double value)
{
  double unit = pow (10, floor (log10 (MAX (value, 10))) - 1);

  return g_strdup_printf ("%.0f", floor (value / unit) * unit);
}

char *
cs_plan_time_text (double seconds)
{
  if (!isfinite (seconds))
    return g_strdup ("an unknown time");
  if (seconds < 90)
    return g_strdup_printf ("%.0f s", MAX (seconds, 1));
  if (seconds < 90 * 60)
    return g_strdup_printf ("%.0f min", seconds / 60);
  if (seconds < 2 * DAY)
    return g_strdup_printf ("%d h %d min", (int)(seconds / 3600), (int)(fmod (seconds, 3600) / 60));
  return g_strdup_printf ("%.1f days", MIN (seconds / DAY, 1e6));
}

char *
cs_plan_text (const CsPlan *plan)
{
  g_autofree char *time = cs_plan_time_text (plan->seconds);
  g_autofree char *disk = bytes_text (plan->disk), *memory = bytes_text (plan->memory);
  g_autofree char *free_disk = bytes_text (plan->disk_free);
  g_autofree char *free_memory = bytes_text (plan->memory_available);
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "About %s: %.4g tokens at %.3g tokens/s\n", time, plan->tokens,
                          plan->tokens_per_s);
  g_string_append_printf (text, "Disk %s (%s free), memory %s (%s available)", disk,
                          isfinite (plan->disk_free) ? free_disk : "?", memory,
                          isfinite (plan->memory_available) ? free_memory : "?");
  for (char **s = plan->problems; *s != NULL; s++)
    g_string_append_printf (text, "\n%s", *s);
  for (char **s = plan->advice; *s != NULL; s++)
    g_string_append_printf (text, "\n%s", *s);
  return g_string_free (text, FALSE);
}

static json_t *
real (double value)
{
  return isfinite (value) ? json_real (value) : json_null ();
}

static json_t *
sentences (char **list)
{
  json_t *array = json_array ();

  for (; *list != NULL; list++)
    json_array_append_new (array, json_string (*list));
  return array;
}

json_t *
cs_plan_json (const CsPlan *plan)
{
  return json_pack ("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o}", "seconds",
                    real (plan->seconds), "tokens", real (plan->tokens), "tokens_per_s",
                    real (plan->tokens_per_s), "disk_bytes", real (plan->disk), "disk_free_bytes",
                    real (plan->disk_free), "memory_bytes", real (plan->memory),
                    "memory_available_bytes", real (plan->memory_available), "fits", plan->fits,
                    "problems", sentences (plan->problems), "advice", sentences (plan->advice));
}

/* --- Judgement --- */

void
cs_plan_judge (CsPlan *plan, const char *what, const char *fewer)
{
  g_autofree char *disk = bytes_text (plan->disk), *free_disk = bytes_text (plan->disk_free);
  g_autofree char *memory = bytes_text (plan->memory);
  g_autofree char *free_memory = bytes_text (plan->memory_available);

  if (plan->disk > plan->disk_free)
    say (&plan->problems, g_strdup_printf ("The disk will be full before the end: %s needs %s and "
                                           "%s are free.",
                                           what, disk, free_disk));
  if (plan->memory > plan->memory_available)
    say (&plan->problems, g_strdup_printf ("There is not enough memory: %s needs %s and %s are "
                                           "available.",
                                           what, memory, free_memory));
  if (plan->seconds > DAY && plan->tokens_per_s > 0)
    {
      g_autofree char *tokens = round_down (DAY * plan->tokens_per_s);

      say (&plan->advice,
           g_strdup_printf ("In a day it gets through about %s tokens: %s.", tokens, fewer));
    }
  plan->fits = plan->problems[0] == NULL;
}

/* --- Harvest --- */

static void
advise_harvest (CsPlan *plan, const CsHarvestOptions *options, const CsHarvestProbe *probe)
{
  if (plan->disk > plan->disk_free)
    {
      double a_token = probe->store_bytes / MAX (probe->n_tokens, 1);
      g_autofree char *tokens = round_down (0.95 * plan->disk_free / MAX (a_token, 1));

      if (options->dtype == CS_DTYPE_F32)
        say (&plan->advice, g_strdup ("Stored as f16 in place of f32 it takes half the disk."));
      say (&plan->advice, g_strdup_printf ("At most %s tokens fit on this disk.", tokens));
    }
  if (plan->memory > plan->memory_available)
    say (&plan->advice,
         g_strdup_printf ("Fewer threads than %u, or shorter documents, take less memory.",
                          probe->n_threads));
  else if (plan->memory + probe->weight_bytes > plan->memory_available)
    say (&plan->advice, g_strdup ("The weights of both models do not stay in memory together: they "
                                  "are read from the disk again and again, which takes longer."));
}

CsPlan *
cs_plan_harvest (CsJob *job,
                 const CsHarvestOptions *options,
                 double seconds,
                 CsHarvestSample **sample,
                 CsHarvestProbe *probe,
                 GError **error)
{
  g_autoptr (CsPlan) plan = plan_new (options->out);
  CsHarvestProbe own;
  GStatBuf status;

  if (probe == NULL)
    probe = &own;
  if (job != NULL)
    cs_job_phase (job, "Measuring the models' speed");
  if (!cs_harvest_probe (job, options, seconds, sample, probe, error))
    return NULL;
  plan->disk = probe->store_bytes;
  if (g_stat (options->out, &status) == 0)
    plan->disk = MAX (plan->disk - (double)status.st_size, 0);
  plan->memory = probe->work_bytes;
  plan->tokens = probe->n_tokens;
  plan->tokens_per_s = (probe->n_tokens - probe->n_stored) / MAX (probe->seconds, 1e-9);
  plan->seconds = probe->seconds;
  cs_plan_judge (plan, "the store", "harvest fewer, or an earlier layer");
  advise_harvest (plan, options, probe);
  return g_steal_pointer (&plan);
}

/* --- Training --- */

/* Encoder, decoder, their gradients and Adam's two moments of each, [F, 2·d]; the pre-activations
 * [B, F], and their gradient where all of it is needed; two shards of rows that are read ahead. */
static double
training_memory (const CsTrainConfig *config, double d, double store_tokens)
{
  double f = (double)config->n_latents, b = (double)config->batch;
  double shards = 2 * MIN (store_tokens, 1e6) * 2 * d * 2;

  return 8 * f * 2 * d * 4 + (config->variant == CS_VARIANT_L1 ? 2 : 1) * b * f * 4 + 5 * b * 2 * d * 4 +
         shards;
}

/* The weights, and the state with two moments; each is written beside the one that it replaces. */
static double
training_disk (const CsTrainConfig *config, double d)
{
  return 2 * 3 * (double)config->n_latents * 4 * d * 4;
}

static void
advise_training (CsPlan *plan, const CsTrainConfig *config, double d, double store_tokens)
{
  if (plan->memory > plan->memory_available)
    {
      double fixed = training_memory (config, d, store_tokens), a_latent;
      CsTrainConfig one = *config;

      one.n_latents = 0;
      a_latent = (fixed - training_memory (&one, d, store_tokens)) / (double)config->n_latents;
      double fit = 0.9 * (plan->memory_available - training_memory (&one, d, store_tokens)) / a_latent;
      g_autofree char *latents = round_down (MAX (fit, 0));

      say (&plan->advice, fit >= 100 ? g_strdup_printf ("A smaller dictionary fits: at most %s latents.", latents)
                                     : g_strdup ("A smaller batch takes less memory."));
    }
  if (store_tokens > 0 && plan->tokens > 20 * store_tokens)
    say (&plan->advice,
         g_strdup_printf ("Each token of the store is read %.0f times: more tokens would serve better "
                          "than more steps.",
                          plan->tokens / store_tokens));
}

static bool
look_at_store (const char *path, size_t *d_model, double *n_tokens, GError **error)
{
  g_autoptr (CsStore) store = cs_store_open (path, false, error);

  if (store == NULL)
    return false;
  *d_model = cs_store_info (store)->d_model;
  if (!(*n_tokens > 0))
    *n_tokens = (double)cs_store_n_tokens (store);
  return true;
}

CsPlan *
cs_plan_training (CsJob *job,
                  const CsTrainConfig *config,
                  const char *store,
                  double store_tokens,
                  const char *run_folder,
                  double seconds,
                  GError **error)
{
  g_autoptr (CsPlan) plan = plan_new (run_folder);
  CsPlanTraining measured;
  size_t d_model;

  if (!look_at_store (store, &d_model, &store_tokens, error))
    return NULL;
  plan->disk = training_disk (config, (double)d_model);
  plan->memory = training_memory (config, (double)d_model, store_tokens);
  plan->tokens = (double)config->steps * (double)config->batch;
  if (job != NULL)
    cs_job_phase (job, "Measuring a training step");
  if (!cs_plan_measure_training (job, config, store, store_tokens, run_folder, seconds, &measured,
                                 error))
    return NULL;
  plan->seconds = cs_plan_training_seconds (config, &measured);
  plan->tokens_per_s = plan->tokens / MAX (plan->seconds, 1e-9);
  cs_plan_judge (plan, "the run", "train fewer steps, or a smaller dictionary");
  advise_training (plan, config, (double)d_model, store_tokens);
  return g_steal_pointer (&plan);
}
