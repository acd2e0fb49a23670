/* "What This Chat Model Was Tuned To" on the Pair page: the behaviours of a demo world's pair,
 * which of them are on, and how well a chat-leaning latent of the study's first analysed run shows
 * each. Shown where the chat model is of the demo world. */
#pragma once

#include <adwaita.h>

#include "study.h"

#define CS_TYPE_BEHAVIOUR_CARD (cs_behaviour_card_get_type ())
G_DECLARE_FINAL_TYPE (CsBehaviourCard, cs_behaviour_card, CS, BEHAVIOUR_CARD, AdwBin)

GtkWidget *cs_behaviour_card_new (void);
/* NULL: none. */
void cs_behaviour_card_set_study (CsBehaviourCard *card, CsStudy *study);
