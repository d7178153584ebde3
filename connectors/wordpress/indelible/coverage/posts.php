<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Coverage;
use Indelible\Hooks;
use Indelible\Value;
use Indelible\Watcher;

/** Posts, pages and custom post types, with their terms and metadata. */
class Posts extends Watcher {
	/** Types that WordPress works with and nobody means. Menu items and files are told elsewhere. */
	public const NOT_TOLD = array( 'revision', 'customize_changeset', 'oembed_cache', 'user_request' );
	/** Metadata that says who is editing, or what the trash needs to know. */
	private const META_NOT_TOLD = '/^(_edit_lock|_edit_last|_pingme|_encloseme|_wp_old_slug|_wp_old_date|_wp_trash_meta_.*|_wp_desired_post_slug|_oembed_.*)$/';

	public function hook(): void {
		Hooks::add( 'pre_post_update', fn ( $id ) => self::route( (int) $id ) );
		// A new post: its terms and metadata are saved before this is said.
		Hooks::add( 'save_post', fn ( $id, $post, $update ) => self::route( (int) $id, $post->post_type, ! $update ) );
		Hooks::add( 'before_delete_post', fn ( $id, $post ) => self::route( (int) $id, $post->post_type ) );
		Hooks::add( 'wp_trash_post', fn ( $id ) => self::route( (int) $id ) );
		Hooks::add( 'untrash_post', fn ( $id ) => self::route( (int) $id ) );
		Hooks::add( 'add_term_relationship', fn ( $id ) => self::route( (int) $id ) );
		Hooks::add( 'delete_term_relationships', fn ( $id ) => self::route( (int) $id ) );
		$route = static fn ( $id, string $key ) => self::is_told( $key ) && self::route( (int) $id );
		Hooks::add( 'add_post_meta', fn ( $id, $key ) => $route( $id, (string) $key ) );
		Hooks::add( 'update_post_meta', fn ( $meta_id, $id, $key ) => $route( $id, (string) $key ) );
		Hooks::add( 'delete_post_meta', fn ( $meta_ids, $id, $key ) => $id && $route( $id, (string) $key ) );
	}

	public static function is_told( string $key ): bool {
		return 1 !== preg_match( self::META_NOT_TOLD, $key );
	}

	/** To whom tells of this type of post. */
	private static function route( int $id, string $type = '', bool $new = false ): void {
		$type = '' === $type ? (string) get_post_type( $id ) : $type;
		if ( 'nav_menu_item' === $type ) {
			Coverage::watcher( Menus::class )->touch_menu_of( $id );
			return;
		}
		if ( '' === $type || in_array( $type, self::NOT_TOLD, true ) ) {
			return;
		}
		$watcher = Coverage::watcher( 'attachment' === $type ? Media::class : self::class );
		$new ? $watcher->created( $id ) : $watcher->touch( $id );
	}

	public function state( string $id ): ?array {
		global $wpdb;
		$row = $wpdb->get_row( $wpdb->prepare( "SELECT * FROM $wpdb->posts WHERE ID = %d", (int) $id ) );
		// An automatic draft exists for nobody until it is saved.
		if ( null === $row || 'auto-draft' === $row->post_status ) {
			return null;
		}
		return array(
			'type'           => $row->post_type,
			'title'          => Value::utf8( $row->post_title ),
			'slug'           => Value::utf8( $row->post_name ),
			'status'         => $row->post_status,
			'content'        => Value::utf8( $row->post_content ),
			'excerpt'        => Value::utf8( $row->post_excerpt ),
			'author'         => (int) $row->post_author,
			'date'           => $row->post_date,
			'parent'         => (int) $row->post_parent,
			'menu_order'     => (int) $row->menu_order,
			'comment_status' => $row->comment_status,
			'ping_status'    => $row->ping_status,
			'mime_type'      => $row->post_mime_type,
			'post_password'  => $row->post_password,
			'terms'          => self::terms( (int) $id ),
			'meta'           => self::meta( 'post', (int) $id, self::is_told( ... ) ),
		);
	}

	private static function terms( int $id ): array|object {
		global $wpdb;
		$sql   = "SELECT tt.taxonomy, t.slug FROM $wpdb->term_relationships r JOIN $wpdb->term_taxonomy tt USING (term_taxonomy_id)
			JOIN $wpdb->terms t USING (term_id) WHERE r.object_id = %d ORDER BY tt.taxonomy, t.slug";
		$terms = array();
		foreach ( (array) $wpdb->get_results( $wpdb->prepare( $sql, $id ) ) as $row ) {
			$terms[ $row->taxonomy ][] = $row->slug;
		}
		return $terms ? $terms : new \stdClass();
	}

	public function changes( string $id, ?array $before, ?array $after ): array {
		$now    = $after ?? $before;
		$url    = 'publish' === $now['status'] && null !== $after ? get_permalink( (int) $id ) : false;
		$verb   = $this->what( $before, $after );
		$change = new Change( $this->family() . ".$verb", $now['type'], $id, $now['title'], $before, $after, url: $url ? $url : null );
		return array( $change );
	}

	protected function family(): string {
		return 'posts';
	}

	protected function what( ?array $before, ?array $after ): string {
		$was = 'trash' === ( $before['status'] ?? '' );
		$is  = 'trash' === ( $after['status'] ?? '' );
		return self::verb( $before, $after, $is && ! $was ? 'trashed' : ( $was && ! $is ? 'untrashed' : 'updated' ) );
	}
}
