/* Pictures of the Latents page: CS_TEST_SHOTS=FOLDER keeps them, CS_TEST_STUDY=FOLDER is the study
 * that they are of. */
#include "describe-window.h"
#include "latents-fixture.h"

static void
save_picture (GtkWidget *window, const char *name)
{
  GdkPaintable *paintable = gtk_widget_paintable_new (window);
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  g_autofree char *path = g_strdup_printf ("%s/%s.png", g_getenv ("CS_TEST_SHOTS"), name);
  GskRenderNode *node;
  GdkTexture *texture;

  gdk_paintable_snapshot (paintable, snapshot, gtk_widget_get_width (window),
                          gtk_widget_get_height (window));
  node = gtk_snapshot_free_to_node (snapshot);
  texture = gsk_renderer_render_texture (gtk_native_get_renderer (GTK_NATIVE (window)), node, NULL);
  gdk_texture_save_to_png (texture, path);
  g_object_unref (texture);
  gsk_render_node_unref (node);
  g_object_unref (paintable);
}

static void
count_cb (guint *n)
{
  (*n)++;
}

/* Search by a text, and the window that asks for descriptions. */
static void
picture_search (LatentsFixture *f, const char *scheme, int narrow)
{
  g_autofree char *searched =
      g_strdup_printf ("latents-%s-%s-prompt", scheme, narrow ? "narrow" : "wide");
  g_autofree char *asked =
      g_strdup_printf ("latents-%s-%s-describe", scheme, narrow ? "narrow" : "wide");
  GtkWidget *window = cs_describe_window_new (f->study, f->page->run, f->page->list);
  guint ready = 0;

  cs_latent_plots_set_brush (f->page->plots, CS_LATENT_BRUSH_DELTA_NORM, 1, 0);
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.find", NULL);
  g_signal_connect_swapped (f->page->prompt_search, "ready", G_CALLBACK (count_cb), &ready);
  cs_latent_prompt_search_ask (f->page->prompt_search, "How do I pick a lock?");
  WAIT_FOR (ready > 0);
  g_assert_cmpuint (latents_n_shown (f), >, 5);
  latents_settle (1500);
  save_picture (f->window, searched);
  if (narrow)
    gtk_window_set_default_size (GTK_WINDOW (window), 360, 600);
  gtk_window_present (GTK_WINDOW (window));
  latents_settle (1000);
  save_picture (window, asked);
  gtk_window_destroy (GTK_WINDOW (window));
}

static void
take_pictures (LatentsFixture *f, const char *scheme)
{
  static const char *const plots[] = { "delta-norm", "scaling", "cosine", "density", "tokens" };
  GtkWidget *plot_stack;

  for (int narrow = 0; narrow < 2; narrow++)
    {
      latents_show_page (f, narrow ? 380 : 950, narrow ? 720 : 760);
      plot_stack =
          gtk_widget_get_last_child (gtk_widget_get_first_child (GTK_WIDGET (f->page->plots)));
      for (size_t i = 0; i < G_N_ELEMENTS (plots); i++)
        {
          g_autofree char *name =
              g_strdup_printf ("latents-%s-%s-%s", scheme, narrow ? "narrow" : "wide", plots[i]);

          gtk_stack_set_visible_child_name (GTK_STACK (plot_stack), plots[i]);
          if (i == 1 && latents_n_shown (f) > 0)
            cs_latents_page_select (f->page, cs_latent_list_at (f->page->list, 0), true);
          if (i == 2)
            gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.show-table", NULL);
          if (i == 3)
            cs_latent_plots_set_brush (f->page->plots, CS_LATENT_BRUSH_DELTA_NORM, 0.8, 1);
          latents_settle (2500);
          save_picture (f->window, name);
        }
      picture_search (f, scheme, narrow);
      latents_close_page (f);
    }
}

static void
test_pictures (void)
{
  LatentsFixture f = { 0 };
  GError *error = NULL;

  if (g_getenv ("CS_TEST_SHOTS") == NULL || g_getenv ("CS_TEST_STUDY") == NULL)
    {
      g_test_skip ("CS_TEST_SHOTS and CS_TEST_STUDY are not set.");
      return;
    }
  f.study = cs_study_open (g_getenv ("CS_TEST_STUDY"), &error);
  g_assert_no_error (error);
  adw_style_manager_set_color_scheme (adw_style_manager_get_default (),
                                      ADW_COLOR_SCHEME_FORCE_LIGHT);
  take_pictures (&f, "light");
  adw_style_manager_set_color_scheme (adw_style_manager_get_default (),
                                      ADW_COLOR_SCHEME_FORCE_DARK);
  take_pictures (&f, "dark");
  g_object_unref (f.study);
}

void
latents_add_pictures (void)
{
  g_test_add_func ("/latents/page/pictures", test_pictures);
}
