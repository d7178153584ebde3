<?php
declare( strict_types=1 );

namespace Indelible\Revert;

use Indelible\Coverage\Terms;
use Indelible\Watcher;

/** Categories, tags and terms of custom taxonomies. */
final class Term extends Subject {
	private const COLUMNS = array( 'name' => 'name', 'slug' => 'slug', 'description' => 'description', 'parent' => 'parent' );

	protected function watcher(): Watcher {
		return self::watched_by( Terms::class );
	}

	public function change( array $before, array $wanted ): void {
		$id = $this->id();
		if ( $this->order->type !== $before['taxonomy'] ) {
			throw new Impossible( "it is of the taxonomy {$before['taxonomy']} now" );
		}
		$fields  = self::changed( $before, $wanted );
		$columns = self::columns( array_diff_key( $fields, array( 'meta' => true ) ), self::COLUMNS );
		$this->check_parent( $columns );
		if ( $columns ) {
			self::done( wp_update_term( $id, $this->order->type, wp_slash( $columns ) ) );
		}
		Meta::change( 'term', $id, (array) ( $before['meta'] ?? array() ), (array) ( $wanted['meta'] ?? array() ) );
	}

	/** WordPress gives terms no id of one's choice. */
	public function make( array $wanted ): void {
		global $wpdb;
		$id       = $this->id();
		$taxonomy = $this->order->type;
		if ( $taxonomy !== ( $wanted['taxonomy'] ?? '' ) ) {
			throw new Impossible( 'its taxonomy is not known' );
		}
		$columns = self::columns( array_diff_key( $wanted, array( 'meta' => true, 'taxonomy' => true ) ), self::COLUMNS ) + array( 'name' => '', 'slug' => '', 'description' => '', 'parent' => 0 );
		$this->check_parent( $columns );
		if ( get_term_by( 'slug', $columns['slug'], $taxonomy ) ) {
			throw new Impossible( "another term of `$taxonomy` has the slug `{$columns['slug']}` now" );
		}
		self::done( $wpdb->insert( $wpdb->terms, array( 'term_id' => $id, 'name' => $columns['name'], 'slug' => $columns['slug'], 'term_group' => 0 ) ) );
		self::done( $wpdb->insert( $wpdb->term_taxonomy, array( 'term_id' => $id, 'taxonomy' => $taxonomy, 'description' => $columns['description'], 'parent' => $columns['parent'], 'count' => 0 ) ) );
		clean_term_cache( $id, $taxonomy );
		do_action( 'created_term', $id, (int) $wpdb->insert_id, $taxonomy, array() );
		do_action( 'saved_term', $id, (int) $wpdb->insert_id, $taxonomy, false, array() );
		Meta::change( 'term', $id, array(), (array) ( $wanted['meta'] ?? array() ) );
	}

	private function check_parent( array $columns ): void {
		if ( ! empty( $columns['parent'] ) && ! get_term( (int) $columns['parent'], $this->order->type ) instanceof \WP_Term ) {
			throw new Impossible( 'the term that it was under is not there any more' );
		}
	}
}
