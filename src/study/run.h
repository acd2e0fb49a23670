/* A crosscoder run of a study: a folder, its configuration, what it logged, and what analysis found. Main thread only,
 * except cs_run_log(). */
#pragma once

#include "latents.h"
#include "run-log.h"
#include "trainer.h"

#define CS_TYPE_RUN (cs_run_get_type ())
G_DECLARE_FINAL_TYPE (CsRun, cs_run, CS, RUN, GObject)

/* "changed" is emitted when the state, the job or the latents change. */
CsRun      *cs_run_new (const char *folder);                 /* reads what is there already */
const char *cs_run_name (CsRun *run);                        /* the folder's last part */
const char *cs_run_folder (CsRun *run);
/* The configuration: as saved in the folder, or as given to cs_run_set_config(). NULL where there is none yet. */
const CsTrainConfig *cs_run_config (CsRun *run);
void        cs_run_set_config (CsRun *run, const CsTrainConfig *config);
CsRunLog   *cs_run_log (CsRun *run);                         /* owned by the run; safe from any thread */
bool        cs_run_is_trained (CsRun *run);                  /* reached its last step */
/* The job that trains or analyses it now; NULL when none. */
CsJob      *cs_run_job (CsRun *run);
void        cs_run_set_job (CsRun *run, CsJob *job);
/* Loaded on first use and kept; NULL (with error set where the file is there but bad) when not analysed yet. */
const CsLatents *cs_run_latents (CsRun *run, GError **error);
/* Loaded on first use and kept. */
const CsCrosscoder *cs_run_crosscoder (CsRun *run, GError **error);
/* Forgets what was loaded and emits "changed": after training or analysis wrote new files. */
void        cs_run_reload (CsRun *run);
