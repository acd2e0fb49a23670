/* What the Latents page puts into the header bar: run chooser, search toggle, filter menu. */
#pragma once

#include "latent-list.h"

#define CS_TYPE_LATENT_HEADER (cs_latent_header_get_type ())
G_DECLARE_FINAL_TYPE (CsLatentHeader, cs_latent_header, CS, LATENT_HEADER, GtkBox)

/* Signals: "run-changed", "filter-changed". */
GtkWidget *cs_latent_header_new (void);
/* runs: GListModel of CsRun, or NULL. */
void cs_latent_header_set_runs (CsLatentHeader *self, GListModel *runs);
CsRun *cs_latent_header_run (CsLatentHeader *self); /* NULL for none; owned by the list */
void cs_latent_header_choose (CsLatentHeader *self, CsRun *run);
/* Search and filter make sense only where there are latents. */
void cs_latent_header_set_has_latents (CsLatentHeader *self, bool has_latents);
GtkWidget *cs_latent_header_search_button (CsLatentHeader *self);
/* Sets what the menu asks for; search and brushes stay. filter->list is the header's. */
void cs_latent_header_apply (CsLatentHeader *self, CsLatentFilter *filter);
/* Names of the run's lists to choose from, NULL-terminated; the chosen one stays where it is among them. */
void cs_latent_header_set_lists (CsLatentHeader *self, const char *const *names);
/* Back to all living latents. */
void cs_latent_header_reset (CsLatentHeader *self);
