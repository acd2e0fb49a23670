/* A button with the models that lie in the Hugging Face cache of this computer. */
#pragma once

#include <gtk/gtk.h>

/* model: 0 base, 1 chat. Choosing one activates "pair.use" with (model, folder). The list is read
 * when the button is opened. */
GtkWidget *cs_cached_models_button_new (int model);
