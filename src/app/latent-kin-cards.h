/* The detail's cards about what a latent says and which are like it: logit lens through both
 * models, nearest decoders, latents that fire with it. Main thread only. */
#pragma once

#include <adwaita.h>

#include "latent-kin.h"

#define CS_TYPE_LATENT_KIN_CARDS (cs_latent_kin_cards_get_type ())
G_DECLARE_FINAL_TYPE (CsLatentKinCards, cs_latent_kin_cards, CS, LATENT_KIN_CARDS, GtkBox)

/* Signal "latent-activated" (guint latent): the user asked to see another latent. */

/* NULL for none; shows no latent. */
void cs_latent_kin_cards_set_source (CsLatentKinCards *self, CsKinSource *source);
/* −1 for none. Loads after a moment, so that running down a table loads nothing. */
void cs_latent_kin_cards_show (CsLatentKinCards *self, gssize latent);
/* What is shown, as text; "" while nothing is. Free with g_free(). */
char *cs_latent_kin_cards_as_text (CsLatentKinCards *self);
