/* A button whose list says which columns a table of latents shows. */
#pragma once

#include "latent-table.h"

#define CS_TYPE_LATENT_COLUMNS (cs_latent_columns_get_type ())
G_DECLARE_FINAL_TYPE (CsLatentColumns, cs_latent_columns, CS, LATENT_COLUMNS, GtkWidget)

/* Property: "table" (CsLatentTable). */
