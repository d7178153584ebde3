<?php
declare( strict_types=1 );

namespace Indelible\Revert;

use Indelible\Coverage\Media;
use Indelible\Coverage\Posts;
use Indelible\Watcher;

/** Posts, pages, custom post types, and what is said of a file in the media library. */
final class Post extends Subject {
	private const COLUMNS = array(
		'title'          => 'post_title',
		'slug'           => 'post_name',
		'status'         => 'post_status',
		'content'        => 'post_content',
		'excerpt'        => 'post_excerpt',
		'author'         => 'post_author',
		'date'           => 'post_date',
		'parent'         => 'post_parent',
		'menu_order'     => 'menu_order',
		'comment_status' => 'comment_status',
		'ping_status'    => 'ping_status',
		'post_password'  => 'post_password',
	);

	protected function watcher(): Watcher {
		return self::watched_by( 'attachment' === $this->order->type ? Media::class : Posts::class );
	}

	public function change( array $before, array $wanted ): void {
		$id     = $this->id();
		$fields = self::changed( $before, $wanted );
		if ( $this->order->type !== $before['type'] ) {
			throw new Impossible( "it is a {$before['type']} now" );
		}
		$parts = array_intersect_key( $fields, array( 'terms' => true, 'meta' => true ) );
		$this->save( array( 'ID' => $id ), self::columns( array_diff_key( $fields, $parts ), self::COLUMNS ), $before['status'] );
		$this->relate( $id, (array) ( $before['terms'] ?? array() ), (array) ( $wanted['terms'] ?? array() ) );
		Meta::change( 'post', $id, (array) ( $before['meta'] ?? array() ), (array) ( $wanted['meta'] ?? array() ) );
	}

	public function make( array $wanted ): void {
		$id = $this->id();
		if ( 'attachment' === $this->order->type ) {
			throw new Impossible( 'its file was deleted with it' );
		}
		if ( get_post( $id ) || $this->order->type !== ( $wanted['type'] ?? '' ) ) {
			throw new Impossible( 'its id is taken by something else, or its type is not known' );
		}
		$parts = array_intersect_key( $wanted, array( 'terms' => true, 'meta' => true ) );
		$given = self::columns( array_diff_key( $wanted, $parts ), self::COLUMNS + array( 'type' => 'post_type', 'mime_type' => 'post_mime_type' ) );
		$this->save( array( 'import_id' => $id ), $given, '' );
		$now = json_decode( \Indelible\Value::json( $this->state() ), true );
		$this->relate( $id, (array) ( $now['terms'] ?? array() ), (array) ( $wanted['terms'] ?? array() ) );
		Meta::change( 'post', $id, (array) ( $now['meta'] ?? array() ), (array) ( $wanted['meta'] ?? array() ) );
	}

	private function save( array $named, array $columns, string $status ): void {
		if ( ! $columns ) {
			return;
		}
		if ( ! empty( $columns['post_author'] ) && ! get_userdata( (int) $columns['post_author'] ) ) {
			throw new Impossible( 'its author is not a user any more' );
		}
		if ( ! empty( $columns['post_parent'] ) && ! get_post( (int) $columns['post_parent'] ) ) {
			throw new Impossible( 'what it was under is not there any more' );
		}
		if ( isset( $columns['post_date'] ) ) {
			$columns += array( 'edit_date' => true, 'post_date_gmt' => get_gmt_from_date( $columns['post_date'] ) );
		}
		$id = $named['ID'] ?? 0;
		if ( 'trash' === ( $columns['post_status'] ?? '' ) && $id ) {
			self::done( wp_trash_post( $id ) );
			unset( $columns['post_status'] );
		}
		self::done( isset( $named['ID'] ) ? wp_update_post( wp_slash( $named + $columns ), true ) : wp_insert_post( wp_slash( $named + $columns ), true ) );
		if ( 'trash' === $status && isset( $columns['post_status'] ) ) {
			wp_untrash_post_comments( $id );
			delete_post_meta( $id, '_wp_trash_meta_status' );
			delete_post_meta( $id, '_wp_trash_meta_time' );
		}
	}

	/** @param array<string, string[]> $before Slugs of terms by taxonomy. */
	private function relate( int $id, array $before, array $wanted ): void {
		foreach ( array_keys( $before + $wanted ) as $taxonomy ) {
			$slugs = array_values( (array) ( $wanted[ $taxonomy ] ?? array() ) );
			if ( Places::same( array_values( (array) ( $before[ $taxonomy ] ?? array() ) ), $slugs ) ) {
				continue;
			}
			if ( ! taxonomy_exists( $taxonomy ) ) {
				throw new Impossible( "this WordPress has no taxonomy `$taxonomy`" );
			}
			$terms = array_map( static fn ( mixed $slug ): \WP_Term => get_term_by( 'slug', (string) $slug, $taxonomy ) ?: throw new Impossible( "the term `$slug` of `$taxonomy` is not there any more" ), $slugs );
			self::done( wp_set_object_terms( $id, array_column( $terms, 'term_id' ), $taxonomy ) );
		}
	}
}
