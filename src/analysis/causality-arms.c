/* The list of what is tried. */
#include "causality-private.h"

static CsPatchArm *
add_arm (CsPatchArms *arms, const char *name, int start, int run_on, PatchKind kind, size_t set)
{
  CsPatchArm *arm = &arms->items[arms->n];

  g_assert (arms->n < MAX_ARMS);
  *arm = (CsPatchArm){ "", start, run_on, kind, set, arms->n };
  g_strlcpy (arm->name, name, sizeof arm->name);
  arms->n++;
  return arm;
}

/* A set turned to chat in base activations, and turned to base in chat's. result: the arms that
 * they count for, SIZE_MAX for ones of their own, which it becomes. */
static void
add_both_directions (CsPatchArms *arms, const char *name, size_t set, size_t result[2])
{
  for (int start = 0; start < 2; start++)
    {
      char text[32];
      CsPatchArm *arm;

      g_snprintf (text, sizeof text, start == 0 ? "%s" : "%s-removed", name);
      arm = add_arm (arms, text, start, 1, PATCH_LATENTS, set);
      if (result[start] == SIZE_MAX)
        result[start] = arm->result;
      else
        arm->result = result[start];
    }
}

void
cs_patch_arms_make (CsPatchArms *arms, const CsLatentSets *sets)
{
  static const struct
  {
    const char *name;
    LatentSet set;
  } named[] = { { "set", SET_FILTERED },
                { "best-delta", SET_BEST_DELTA },
                { "worst-delta", SET_WORST_DELTA },
                { "best-scaling", SET_BEST_SCALING },
                { "worst-scaling", SET_WORST_SCALING },
                { "specific", SET_SPECIFIC } };
  size_t random[2] = { SIZE_MAX, SIZE_MAX };

  arms->n = 0;
  add_arm (arms, "none", 0, 1, PATCH_NONE, 0);
  add_arm (arms, "empty", 0, 1, PATCH_LATENTS, SET_EMPTY);
  add_arm (arms, "chat", 1, 1, PATCH_NONE, 0);
  arms->base = add_arm (arms, "base", 0, 0, PATCH_NONE, 0)->result;
  add_arm (arms, "chat-into-base", 1, 0, PATCH_NONE, 0);
  add_arm (arms, "all", 0, 1, PATCH_LATENTS, SET_ALL);
  add_arm (arms, "error-only", 1, 1, PATCH_LATENTS, SET_ALL);
  add_arm (arms, "template", 0, 1, PATCH_TEMPLATE, 0);
  add_arm (arms, "template-removed", 1, 1, PATCH_TEMPLATE, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (named); i++)
    {
      size_t own[2] = { SIZE_MAX, SIZE_MAX };

      if (sets->size[named[i].set] > 0)
        add_both_directions (arms, named[i].name, named[i].set, own);
    }
  add_arm (arms, "set-added", 0, 1, PATCH_ADD, SET_FILTERED);
  for (size_t set = SET_FIRST_RANDOM; set < sets->n_sets; set++)
    add_both_directions (arms, "random", set, random);
}
