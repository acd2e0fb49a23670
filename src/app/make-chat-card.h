/* "Make Your Own Chat Model" on the Pair page: a switch for each behaviour, how long to tune, the
 * loss as it falls, and a button that opens the new pair and diffs it. Shown where the study's base
 * model is a demo pair's. */
#pragma once

#include <adwaita.h>

#include "study.h"

#define CS_TYPE_MAKE_CHAT_CARD (cs_make_chat_card_get_type ())
G_DECLARE_FINAL_TYPE (CsMakeChatCard, cs_make_chat_card, CS, MAKE_CHAT_CARD, AdwBin)

GtkWidget *cs_make_chat_card_new (void);
/* NULL: none. */
void cs_make_chat_card_set_study (CsMakeChatCard *card, CsStudy *study);
