/* One latent of the basket: a slider in multiples of the latent's own maximum, mode and scope. */
#pragma once

#include <adwaita.h>

#include "steering.h"

#define CS_TYPE_STEERING_LATENT_ROW (cs_steering_latent_row_get_type ())
G_DECLARE_FINAL_TYPE (CsSteeringLatentRow, cs_steering_latent_row, CS, STEERING_LATENT_ROW, GtkListBoxRow)

/* Signals: "changed" (scale, mode or scope), "removed" (its button was pressed). label may be NULL. */
GtkWidget         *cs_steering_latent_row_new (size_t latent, double max_act, const char *label);
/* Owned by the row. */
const CsSteerItem *cs_steering_latent_row_item (CsSteeringLatentRow *row);
void               cs_steering_latent_row_set_scale (CsSteeringLatentRow *row, double scale);
void               cs_steering_latent_row_set_mode (CsSteeringLatentRow *row, CsSteerMode mode);
void               cs_steering_latent_row_set_label (CsSteeringLatentRow *row, const char *label);
/* "1483 · refuses harm", or "Latent 1483" where it has no label. Free with g_free(). */
char              *cs_steering_latent_title (size_t latent, const char *label);
