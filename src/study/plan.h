/* The plan before a long job: memory, disk, speed from a probe of a few seconds, time, and what to
 * change where it does not fit. Blocking functions are for a job's thread. */
#pragma once

#include <jansson.h>

#include "harvest-probe.h"
#include "trainer.h"

typedef struct
{
  double disk_free;        /* where the files will be; NaN where the system does not say */
  double memory_available; /* of this machine now; NaN likewise */
  double disk, memory;     /* bytes that the job needs */
  double tokens, tokens_per_s, seconds;
  bool fits;
  char **problems; /* why not, one sentence each; NULL-terminated */
  char **advice;   /* what to change, or to know */
} CsPlan;

void cs_plan_free (CsPlan *plan);

/* probe (may be NULL): what was measured. seconds: of the probe, 3 is a good value. A store that is
 * there already is counted as disk that is needed no more, and its tokens are not run again. sample
 * (may be NULL): as cs_harvest_probe(). */
CsPlan *cs_plan_harvest (CsJob *job,
                         const CsHarvestOptions *options,
                         double seconds,
                         CsHarvestSample **sample,
                         CsHarvestProbe *probe,
                         GError **error);
/* store: the activations, or a sample of what they will be, of which there will be store_tokens (0:
 * as many as the store has). Where the run will be: run_folder, or the closest folder above it that
 * exists. Steps of fewer latents and tokens are measured where the real ones would take long. */
CsPlan *cs_plan_training (CsJob *job,
                          const CsTrainConfig *config,
                          const char *store,
                          double store_tokens,
                          const char *run_folder,
                          double seconds,
                          GError **error);
/* For the tests: a plan's judgement of given numbers. */
void cs_plan_judge (CsPlan *plan, const char *what, const char *fewer);

json_t *cs_plan_json (const CsPlan *plan); /* new reference */
/* "3 h 20 min" … for any number of seconds; free with g_free(). */
char *cs_plan_time_text (double seconds);
/* The plan in a few lines; free with g_free(). */
char *cs_plan_text (const CsPlan *plan);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsPlan, cs_plan_free)
