#include "latent-example-list.h"

#include <math.h>

#include <glib/gi18n.h>

#include "token-text.h"

struct _CsLatentExampleList
{
  GtkWidget parent;
  GtkWidget *box;
  GArray *examples;   /* CsExample, or NULL */
  GPtrArray *texts;   /* CsTokenText of each, borrowed */
  double max;
  bool by_sentence;
};

G_DEFINE_FINAL_TYPE (CsLatentExampleList, cs_latent_example_list, GTK_TYPE_WIDGET)

static const CsExample *
example_at (CsLatentExampleList *self, guint i)
{
  return &g_array_index (self->examples, CsExample, i);
}

static double
shade_max (CsLatentExampleList *self, const CsExample *example)
{
  double max = 0;

  if (!self->by_sentence)
    return self->max;
  for (size_t t = 0; t < example->n; t++)
    max = fmax (max, example->values[t]);
  return max;
}

static char *
group_title (size_t group)
{
  static const char *const upper[] = { NULL, "0.95", "0.75", "0.5", "0.25" };
  static const char *const lower[] = { "0.95", "0.75", "0.5", "0.25", NULL };

  if (group == 0)
    return g_strdup_printf (_ ("%s of maximum and more"), lower[0]);
  if (group + 1 >= G_N_ELEMENTS (upper))
    return g_strdup_printf (_ ("Below %s"), upper[G_N_ELEMENTS (upper) - 1]);
  return g_strdup_printf ("%s – %s", lower[group], upper[group]);
}

static GtkWidget *
group_new (size_t group)
{
  g_autofree char *title = group_title (group);
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *label = gtk_label_new (title);
  GtkWidget *list = gtk_list_box_new ();

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_add_css_class (label, "caption-heading");
  gtk_widget_add_css_class (label, "dim-label");
  gtk_widget_add_css_class (list, "boxed-list");
  gtk_list_box_set_selection_mode (GTK_LIST_BOX (list), GTK_SELECTION_NONE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (list), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
  gtk_box_append (GTK_BOX (box), label);
  gtk_box_append (GTK_BOX (box), list);
  return box;
}

static void
token_clicked_cb (CsTokenText *text, guint index)
{
  bool again = cs_token_text_get_current (text) == (gssize)index;

  cs_token_text_set_current (text, again ? -1 : (gssize)index);
}

static GtkWidget *
example_row_new (CsLatentExampleList *self, const CsExample *example, CsTokenizer *tokenizer)
{
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *text = cs_token_text_new ();
  GtkWidget *value;
  g_autofree char *caption =
      /* Translators: an activation, the same as a part of the latent's maximum */
      g_strdup_printf (_ ("%.3g · %.2f of maximum"), example->activation,
                       self->max > 0 ? example->activation / self->max : 0);

  cs_token_text_set (CS_TOKEN_TEXT (text), tokenizer, example->ids, example->values, example->n,
                     shade_max (self, example));
  g_signal_connect (text, "token-clicked", G_CALLBACK (token_clicked_cb), NULL);
  g_ptr_array_add (self->texts, text);
  value = gtk_label_new (caption);
  gtk_label_set_xalign (GTK_LABEL (value), 0);
  gtk_widget_add_css_class (value, "caption");
  gtk_widget_add_css_class (value, "dim-label");
  gtk_widget_add_css_class (value, "numeric");
  gtk_box_append (GTK_BOX (box), text);
  gtk_box_append (GTK_BOX (box), value);
  gtk_widget_set_margin_start (box, 12);
  gtk_widget_set_margin_end (box, 12);
  gtk_widget_set_margin_top (box, 8);
  gtk_widget_set_margin_bottom (box, 8);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), FALSE);
  gtk_widget_set_focusable (row, FALSE);
  return row;
}

void
cs_latent_example_list_set (CsLatentExampleList *self, GArray *examples, CsTokenizer *tokenizer,
                            double max)
{
  GtkWidget *child, *group = NULL;
  size_t last = CS_EXAMPLE_GROUPS;

  g_return_if_fail (CS_IS_LATENT_EXAMPLE_LIST (self));
  while ((child = gtk_widget_get_first_child (self->box)) != NULL)
    gtk_box_remove (GTK_BOX (self->box), child);
  g_ptr_array_set_size (self->texts, 0);
  g_clear_pointer (&self->examples, g_array_unref);
  self->examples = examples;
  self->max = max;
  for (guint i = 0; examples != NULL && i < examples->len; i++)
    {
      const CsExample *example = example_at (self, i);

      if (group == NULL || example->group != last)
        {
          group = group_new (example->group);
          gtk_box_append (GTK_BOX (self->box), group);
          last = example->group;
        }
      gtk_list_box_append (GTK_LIST_BOX (gtk_widget_get_last_child (group)),
                           example_row_new (self, example, tokenizer));
    }
}

void
cs_latent_example_list_set_by_sentence (CsLatentExampleList *self, bool by_sentence)
{
  g_return_if_fail (CS_IS_LATENT_EXAMPLE_LIST (self));
  self->by_sentence = by_sentence;
  for (guint i = 0; i < self->texts->len; i++)
    cs_token_text_set_values (self->texts->pdata[i], example_at (self, i)->values,
                              shade_max (self, example_at (self, i)));
}

char *
cs_latent_example_list_as_text (CsLatentExampleList *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->texts->len; i++)
    g_string_append_printf (text, "%.3g\t%s\n", example_at (self, i)->activation,
                            cs_token_text_get_text (self->texts->pdata[i]));
  return g_string_free (text, FALSE);
}

static void
cs_latent_example_list_dispose (GObject *object)
{
  CsLatentExampleList *self = CS_LATENT_EXAMPLE_LIST (object);

  g_ptr_array_set_size (self->texts, 0);
  g_clear_pointer (&self->box, gtk_widget_unparent);
  G_OBJECT_CLASS (cs_latent_example_list_parent_class)->dispose (object);
}

static void
cs_latent_example_list_finalize (GObject *object)
{
  CsLatentExampleList *self = CS_LATENT_EXAMPLE_LIST (object);

  g_ptr_array_unref (self->texts);
  g_clear_pointer (&self->examples, g_array_unref);
  G_OBJECT_CLASS (cs_latent_example_list_parent_class)->finalize (object);
}

static void
cs_latent_example_list_class_init (CsLatentExampleListClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_latent_example_list_dispose;
  G_OBJECT_CLASS (klass)->finalize = cs_latent_example_list_finalize;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static void
cs_latent_example_list_init (CsLatentExampleList *self)
{
  self->texts = g_ptr_array_new ();
  self->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 12);
  gtk_widget_set_parent (self->box, GTK_WIDGET (self));
}
