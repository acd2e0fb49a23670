/* The table of latents: a column view over a CsLatentList that sorts by its headers. */
#pragma once

#include "latent-list.h"

#define CS_TYPE_LATENT_TABLE (cs_latent_table_get_type ())
G_DECLARE_FINAL_TYPE (CsLatentTable, cs_latent_table, CS, LATENT_TABLE, GtkWidget)

/* Signals: "row-activated" (guint latent): a click where rows are activated by one, or Return. */
void cs_latent_table_set_list (CsLatentTable *self, CsLatentList *list);
void cs_latent_table_set_single_click (CsLatentTable *self, bool single_click);
/* Sorts as a click on the header does. */
void cs_latent_table_sort (CsLatentTable *self, CsLatentColumn column, bool descending);
/* To be shown and hidden by its "visible"; which are shown is kept in the settings. Borrowed. */
GtkColumnViewColumn *cs_latent_table_column (CsLatentTable *self, CsLatentColumn column);
/* Shows the columns that a new table has. */
void cs_latent_table_reset_columns (CsLatentTable *self);
void cs_latent_table_scroll_to (CsLatentTable *self, size_t latent);
