/* An audit as a job: everything is read again on its thread. */
#pragma once

#include "refusal-audit.h"
#include "study.h"

/* refuse and comply: files of prompts, or NULL for the demo world's own. phrases: text of a list.
 * The result is RUN/audit.json. A new reference, not started; NULL with error where the study lacks
 * its models. */
CsJob *cs_audit_job_new (CsStudy *study,
                         CsRun *run,
                         const char *refuse,
                         const char *comply,
                         const char *phrases,
                         GError **error);
/* Whether the demo world's own prompts can be asked. */
bool cs_audit_job_has_own_prompts (CsStudy *study);
