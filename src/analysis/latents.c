#include "latents.h"

#include <math.h>
#include <string.h>

static const char *const class_names[] = { "base-only", "shared", "chat-only", "other", "dead" };

const char *
cs_latent_class_name (CsLatentClass tag)
{
  return class_names[tag];
}

bool
cs_latent_class_parse (const char *name, CsLatentClass *tag)
{
  for (size_t i = 0; i < G_N_ELEMENTS (class_names); i++)
    if (strcmp (name, class_names[i]) == 0)
      {
        *tag = (CsLatentClass) i;
        return true;
      }
  return false;
}

CsLatentClass
cs_latent_classify (double delta_norm, bool dead)
{
  if (dead || isnan (delta_norm))
    return CS_LATENT_DEAD;
  if (delta_norm <= 0.1)
    return CS_LATENT_BASE_ONLY;
  if (delta_norm >= 0.9)
    return CS_LATENT_CHAT_ONLY;
  return delta_norm >= 0.4 && delta_norm <= 0.6 ? CS_LATENT_SHARED : CS_LATENT_OTHER;
}

void
cs_latents_free (CsLatents *latents)
{
  if (latents == NULL)
    return;
  g_free (latents->rows);
  g_free (latents);
}

bool
cs_nu_is_usable (double nu)
{
  return nu >= CS_NU_LEAST && nu <= CS_NU_MOST;
}
