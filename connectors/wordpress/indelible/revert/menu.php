<?php
declare( strict_types=1 );

namespace Indelible\Revert;

use Indelible\Coverage\Menus;
use Indelible\Watcher;

/** Menus with their items, which keep their ids. */
final class Menu extends Subject {
	private const COLUMNS = array( 'name' => 'name', 'slug' => 'slug', 'description' => 'description' );

	protected function watcher(): Watcher {
		return self::watched_by( Menus::class );
	}

	public function change( array $before, array $wanted ): void {
		$id      = $this->id();
		$fields  = self::changed( $before, $wanted );
		$columns = self::columns( array_diff_key( $fields, array( 'items' => true ) ), self::COLUMNS );
		if ( $columns ) {
			self::done( wp_update_term( $id, 'nav_menu', wp_slash( $columns ) ) );
		}
		if ( isset( $fields['items'] ) ) {
			$this->put_items( $id, $before['items'], (array) $fields['items'] );
		}
	}

	public function make( array $wanted ): void {
		global $wpdb;
		$id      = $this->id();
		$columns = self::columns( array_diff_key( $wanted, array( 'items' => true ) ), self::COLUMNS ) + array( 'name' => '', 'slug' => '', 'description' => '' );
		if ( get_term_by( 'slug', $columns['slug'], 'nav_menu' ) || get_term_by( 'name', $columns['name'], 'nav_menu' ) ) {
			throw new Impossible( 'another menu has its name now' );
		}
		self::done( $wpdb->insert( $wpdb->terms, array( 'term_id' => $id, 'name' => $columns['name'], 'slug' => $columns['slug'], 'term_group' => 0 ) ) );
		self::done( $wpdb->insert( $wpdb->term_taxonomy, array( 'term_id' => $id, 'taxonomy' => 'nav_menu', 'description' => $columns['description'], 'parent' => 0, 'count' => 0 ) ) );
		clean_term_cache( $id, 'nav_menu' );
		$this->put_items( $id, array(), (array) ( $wanted['items'] ?? array() ) );
	}

	private function put_items( int $menu, array $before, array $wanted ): void {
		foreach ( array_diff( array_column( $before, 'id' ), array_column( $wanted, 'id' ) ) as $gone ) {
			self::done( wp_delete_post( (int) $gone, true ) );
		}
		foreach ( $wanted as $place => $item ) {
			if ( ! is_array( $item ) || ! is_int( $item['id'] ?? null ) ) {
				throw new Impossible( 'an item of the menu has no id' );
			}
			$this->put_item( $menu, $item, $place + 1 );
		}
	}

	private function put_item( int $menu, array $item, int $order ): void {
		$id   = $item['id'];
		$post = array(
			'post_type'    => 'nav_menu_item',
			'post_status'  => 'publish',
			'post_title'   => (string) ( $item['title'] ?? '' ),
			'post_excerpt' => (string) ( $item['attr_title'] ?? '' ),
			'post_content' => (string) ( $item['description'] ?? '' ),
			'menu_order'   => $order,
		);
		$now = get_post( $id );
		if ( $now && 'nav_menu_item' !== $now->post_type ) {
			throw new Impossible( "the id $id of an item is taken by something else" );
		}
		self::done( $now ? wp_update_post( wp_slash( array( 'ID' => $id ) + $post ), true ) : wp_insert_post( wp_slash( array( 'import_id' => $id ) + $post ), true ) );
		self::done( wp_set_object_terms( $id, array( $menu ), 'nav_menu' ) );
		$kept = array();
		foreach ( array_diff_key( $item, array_flip( array( 'id', 'title', 'attr_title', 'description' ) ) ) as $name => $value ) {
			$kept[] = "_menu_item_$name";
			update_post_meta( $id, "_menu_item_$name", wp_slash( $value ) );
		}
		foreach ( array_keys( get_post_meta( $id ) ) as $key ) {
			str_starts_with( $key, '_menu_item_' ) && ! in_array( $key, $kept, true ) && delete_post_meta( $id, $key );
		}
	}
}
