/* Which latents fire here? A popover with the latents that are active on one token, ranked by activation or by their part of
 * the reconstructed chat − base difference. */
#pragma once

#include <adwaita.h>

#include "steering-basket.h"
#include "steering-generation.h"

#define CS_TYPE_STEERING_FIRING (cs_steering_firing_get_type ())
G_DECLARE_FINAL_TYPE (CsSteeringFiring, cs_steering_firing, CS, STEERING_FIRING, GtkPopover)

/* Signals: "add" (guint latent: its button was pressed), "ready" (the list is filled). */

/* basket gives the labels; it outlives the popover. */
GtkWidget *cs_steering_firing_new (CsSteeringBasket *basket);
/* Looks at token `index` of text, and pops up pointing at `where` (in the parent's coordinates). Works on a thread. */
void       cs_steering_firing_show (CsSteeringFiring *firing, CsSteeringEngine *engine, CsRun *run, size_t layer,
                                    CsSteeringText *text, size_t index, const GdkRectangle *where);
/* CsFiringLatent elements as they are ranked now; NULL while they are being worked out. Owned by the popover. */
GArray    *cs_steering_firing_list (CsSteeringFiring *firing);
