#include "corpus-actions.h"

#include <glib/gi18n.h>

#include "corpus-rows.h"
#include "dialogs.h"
#include "feedback.h"

static void
corpus_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  CsStudy *study = cs_page_study (CS_PAGE (widget));
  g_autoptr (GError) error = NULL;

  if (path != NULL && study != NULL && !cs_corpora_insert (study, G_MAXUINT, path, &error))
    cs_feedback_error (widget, &error);
}

static void
add_corpus_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  if (cs_page_study (page) != NULL)
    cs_compat_choose (page, CS_CHOOSE_FILE, _ ("Choose a Corpus (.txt, .jsonl, .jsonl.gz)"), _ ("_Add"), NULL,
                      corpus_chosen_cb, NULL);
}

static void
remove_corpus_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  const char *path = g_variant_get_string (parameter, NULL);
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *text = g_strdup_printf (_ ("%s was taken off the list"), name);
  g_autoptr (GVariant) target = NULL;
  g_autofree char *undo = NULL;
  g_autoptr (GError) error = NULL;
  guint position;

  if (cs_page_study (page) == NULL || !cs_corpora_find (cs_page_study (page), path, &position))
    return;
  target = g_variant_ref_sink (g_variant_new ("(us)", position, path));
  undo = g_action_print_detailed_name ("activations.insert-corpus", target);
  if (cs_corpora_remove (cs_page_study (page), position, &error))
    cs_feedback_toast_action (page, text, _ ("_Undo"), undo);
  else
    cs_feedback_error (page, &error);
}

static void
insert_corpus_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  g_autoptr (GError) error = NULL;
  const char *path;
  guint position;

  g_variant_get (parameter, "(u&s)", &position, &path);
  if (cs_page_study (page) != NULL && !cs_corpora_insert (cs_page_study (page), position, path, &error))
    cs_feedback_error (page, &error);
}

GActionGroup *
cs_corpus_actions_new (CsPage *page)
{
  static const struct
  {
    const char *name, *type;
    void (*activate) (GSimpleAction *action, GVariant *parameter, void *page);
  } entries[] = {
    { "add-corpus", NULL, add_corpus_action },
    { "remove-corpus", "s", remove_corpus_action },
    { "insert-corpus", "(us)", insert_corpus_action },
  };
  GSimpleActionGroup *group = g_simple_action_group_new ();

  for (size_t i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      g_autoptr (GSimpleAction) action =
        g_simple_action_new (entries[i].name, entries[i].type != NULL ? G_VARIANT_TYPE (entries[i].type) : NULL);

      g_signal_connect_object (action, "activate", G_CALLBACK (entries[i].activate), page, 0);
      g_action_map_add_action (G_ACTION_MAP (group), G_ACTION (action));
    }
  return G_ACTION_GROUP (group);
}
