/* Keeping an example for the report: what was asked, how it was steered, and the texts. */
#include <glib/gi18n.h>

#include "feedback.h"
#include "kept-steering.h"
#include "steering-page-private.h"

void
cs_steering_page_update_keep (CsSteeringPage *page)
{
  gtk_widget_set_sensitive (page->keep,
                            page->generation != NULL &&
                                cs_steering_pane_text (page->panes[CS_PANE_CHAT_PLAIN]) != NULL);
}

/* The texts of the panes that are finished; those that were stopped are no examples. */
static void
take_texts (CsSteeringPage *page, CsKeptSteering *example)
{
  static const CsKeptText places[CS_N_PANES] = {
    [CS_PANE_BASE_PLAIN] = CS_KEPT_BASE_PLAIN,
    [CS_PANE_BASE_STEERED] = CS_KEPT_BASE_STEERED,
    [CS_PANE_CHAT_PLAIN] = CS_KEPT_CHAT_PLAIN,
    [CS_PANE_CHAT_STEERED] = CS_KEPT_CHAT_STEERED,
  };

  for (int i = 0; i < CS_N_PANES; i++)
    {
      const CsSteeringText *text = cs_steering_pane_text (page->panes[i]);

      if (text != NULL && text->key != NULL)
        example->texts[places[i]] = g_strdup (text->text);
    }
}

void
cs_steering_page_keep (CsSteeringPage *page)
{
  CsStudy *study = cs_page_study (CS_PAGE (page));
  const CsSteeringRequest *request;
  g_autoptr (CsKeptSteering) example = NULL;
  g_autofree char *run = NULL;
  GError *error = NULL;

  if (study == NULL || page->generation == NULL)
    return;
  request = cs_steering_generation_request (page->generation);
  run = g_path_get_basename (request->run_folder);
  example = cs_kept_steering_new (run, request->prompt[1]);
  if (g_strcmp0 (request->prompt[0], request->prompt[1]) != 0)
    example->base_prompt = g_strdup (request->prompt[0]);
  example->seed = request->sampling.seed;
  example->temperature = request->sampling.temperature;
  g_array_append_vals (example->items, request->items->data, request->items->len);
  take_texts (page, example);
  if (cs_kept_steering_add (study, example, &error))
    cs_feedback_toast_action (GTK_WIDGET (page), _ ("Kept for the report"), _ ("_Show Report"),
                              "win.show-page::report");
  else
    cs_feedback_error (GTK_WIDGET (page), &error);
}
