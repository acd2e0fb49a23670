/* The harvest as it runs: progress, time left, and a live plot of the tokens read a second. */
#pragma once

#include <adwaita.h>

#include "study.h"

#define CS_TYPE_HARVEST_CARD (cs_harvest_card_get_type ())
G_DECLARE_FINAL_TYPE (CsHarvestCard, cs_harvest_card, CS, HARVEST_CARD, AdwBin)

/* Signal "changed": the job began, ended, was paused or has come further; at most some times a second. */

GtkWidget *cs_harvest_card_new (void);
void cs_harvest_card_set_study (CsHarvestCard *self, CsStudy *study);
/* The harvest that is waiting, running or paused; NULL when none. */
CsJob *cs_harvest_card_job (CsHarvestCard *self);
/* "62 %" while it runs, else NULL; owned by the card. */
const char *cs_harvest_card_status (CsHarvestCard *self);
/* Points in the plot. */
guint cs_harvest_card_n_points (CsHarvestCard *self);
