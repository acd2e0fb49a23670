/* A latent's numbers: a card of tiles, and the coefficients of Latent Scaling. */
#pragma once

#include <adwaita.h>

#include "latents.h"

#define CS_TYPE_LATENT_FACTS (cs_latent_facts_get_type ())
G_DECLARE_FINAL_TYPE (CsLatentFacts, cs_latent_facts, CS, LATENT_FACTS, GtkBox)

void cs_latent_facts_show (CsLatentFacts *self, const CsLatentRow *row);
