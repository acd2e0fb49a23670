/* The latents that are turned up or down: rows of CsSteeringLatentRow and a way to add one by number or label. */
#pragma once

#include "steering-latent-row.h"
#include "study.h"

#define CS_TYPE_STEERING_BASKET (cs_steering_basket_get_type ())
G_DECLARE_FINAL_TYPE (CsSteeringBasket, cs_steering_basket, CS, STEERING_BASKET, GtkBox)

/* Signals: "changed" (a latent came, went or was turned). */

/* Empties the basket where the run is another. Either may be NULL. The study is borrowed: set NULL before it goes. */
void                 cs_steering_basket_set_run (CsSteeringBasket *basket, CsStudy *study, CsRun *run);
/* False where the run has no such latent or is not analysed; one that is in it already is only shown. */
bool                 cs_steering_basket_add (CsSteeringBasket *basket, size_t latent);
/* The label of a latent of the run; NULL where it has none. */
const char          *cs_steering_basket_label (CsSteeringBasket *basket, size_t latent);
/* The row of a latent in the basket, or NULL. */
CsSteeringLatentRow *cs_steering_basket_row (CsSteeringBasket *basket, size_t latent);
/* CsSteerItem elements; free with g_array_unref(). */
GArray              *cs_steering_basket_items (CsSteeringBasket *basket);
void                 cs_steering_basket_update_labels (CsSteeringBasket *basket);
