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
