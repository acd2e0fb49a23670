/* The prompt library as a popover: a search entry and the prompts in groups. */
#pragma once

#include <adwaita.h>

#include "prompts.h"

#define CS_TYPE_STEERING_LIBRARY (cs_steering_library_get_type ())
G_DECLARE_FINAL_TYPE (CsSteeringLibrary, cs_steering_library, CS, STEERING_LIBRARY, GtkPopover)

/* Signals: "chosen" (CsPrompt *, borrowed). */

/* prompts (of CsPrompt) is kept. */
void cs_steering_library_set_prompts (CsSteeringLibrary *library, GPtrArray *prompts);
