/* One of the two models: its folder, and what is known of it. */
#pragma once

#include <adwaita.h>

#include "pair-facts.h"

#define CS_TYPE_MODEL_CARD (cs_model_card_get_type ())
G_DECLARE_FINAL_TYPE (CsModelCard, cs_model_card, CS, MODEL_CARD, AdwBin)

/* model: 0 base, 1 chat. Its button activates "pair.choose" with that number. */
GtkWidget *cs_model_card_new (int model);
/* folder: NULL where none is chosen; facts: NULL while they are read. */
void cs_model_card_show (CsModelCard *self, const char *folder, const CsModelFacts *facts);
