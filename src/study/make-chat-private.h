/* For make-chat's own files and its tests. */
#pragma once

#include "make-chat.h"
#include "organism.h"

/* cs_make_chat() with other settings of the tuning than the demo's. */
bool cs_make_chat_with (CsJob *job,
                        const CsMakeChatOptions *options,
                        const CsOrganismOptions *organism,
                        CsLossLog *log,
                        GError **error);

/* cs_make_chat_diff() with other settings of the training. */
GArray *
cs_make_chat_diff_with (CsJob *job, const char *out, const CsTrainConfig *config, GError **error);
